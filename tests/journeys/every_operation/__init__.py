"""Every operation of every contract, called as five kinds of caller with input that fits its schema or does not."""
