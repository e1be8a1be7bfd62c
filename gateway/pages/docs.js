// One page for all services: the chosen service stands in the address (#payments), so that it can be linked to.
"use strict";

const choice = document.getElementById("service");
const link = document.getElementById("document");

const nameOf = (option) => option.value.split("/").pop().replace(".v1.json", "");

function show() {
  link.href = choice.value;
  window.SwaggerUIBundle({
    url: choice.value,
    dom_id: "#operations",
    deepLinking: false,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    showExtensions: true,
    persistAuthorization: true,
    validatorUrl: null,
  });
}

function choose() {
  const wanted = [...choice.options].findIndex((option) => nameOf(option) === location.hash.slice(1));
  choice.selectedIndex = Math.max(wanted, 0);
  show();
}

choice.addEventListener("change", () => {
  history.replaceState(null, "", `#${nameOf(choice.selectedOptions[0])}`);
  show();
});
window.addEventListener("hashchange", choose);
choose();
