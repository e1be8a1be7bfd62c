// One number: what it is for, and the button that calls it.
async function show() {
  const words = await texts();
  const number = new URLSearchParams(location.search).get("number");
  const found = Object.hasOwn(words.numbers, number) ? words.numbers[number] : null;
  const back = document.getElementById("back");
  back.textContent = words.back;
  back.href = `index.html?lang=${document.documentElement.lang}`;
  document.title = found ? found.name : words.none;
  document.getElementById("name").textContent = document.title;
  if (!found) {
    return;
  }
  document.getElementById("use").textContent = found.use;
  const call = document.getElementById("call");
  call.href = `tel:${number}`;
  call.append(element("span", "", `${words.call} `), digits(number));
  call.hidden = false;
}

show();
