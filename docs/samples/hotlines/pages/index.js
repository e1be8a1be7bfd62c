// The list of numbers, and the search in it.
function row(number, name) {
  const link = element("a", "row", "");
  link.href = `number.html?number=${number}&lang=${document.documentElement.lang}`;
  link.append(element("span", "name", name), digits(number));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

async function show() {
  const words = await texts();
  const list = document.getElementById("numbers");
  const search = document.getElementById("search");
  const none = document.getElementById("none");
  document.title = words.title;
  document.getElementById("title").textContent = words.title;
  search.placeholder = words.search;
  search.setAttribute("aria-label", words.search);
  none.textContent = words.none;
  const numbers = Object.entries(words.numbers).sort(([one], [other]) => Number(one) - Number(other));
  const fill = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = numbers.filter(([number, each]) => `${number} ${each.name} ${each.use}`.toLowerCase().includes(wanted));
    list.replaceChildren(...found.map(([number, each]) => row(number, each.name)));
    none.hidden = found.length > 0;
  };
  search.addEventListener("input", fill);
  fill();
}

show();
