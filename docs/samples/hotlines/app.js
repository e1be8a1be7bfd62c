// The languages of the app, each with its texts in i18n/. The first is shown where the phone has none of them.
const LANGUAGES = ["zh-Hans", "kk-Arab", "ug"];
const RIGHT_TO_LEFT = ["kk-Arab", "ug"];

// The language that the address names (?lang=ug), or the one of the phone.
function chosenLanguage() {
  const wanted = new URLSearchParams(location.search).get("lang") || navigator.language;
  const subtag = wanted.split("-")[0].toLowerCase();
  return LANGUAGES.find((each) => each.split("-")[0] === subtag) || LANGUAGES[0];
}

// The texts of that language; the page turns to its direction.
async function texts() {
  const language = chosenLanguage();
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
  const answer = await fetch(`../i18n/${language}.json`);
  return answer.json();
}

// An element with a text. The text is never read as HTML.
function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// A number keeps its own direction within a line that is read from right to left.
function digits(number) {
  const made = element("bdi", "digits", number);
  made.dir = "ltr";
  return made;
}
