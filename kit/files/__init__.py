"""Files that people and outside systems send: unpacked, decoded and divided by one strict reader.

What two readers could understand differently is refused. A file is never read in part: it is read to its end, or it is
refused as a whole, with the row where there is one.
"""
