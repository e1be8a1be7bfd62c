(function () {
  var form = document.getElementById("passkey");
  if (!window.PublicKeyCredential || !form) { return; }
{% include "passkey_tools.js" %}
  form.hidden = false;
  form.addEventListener("submit", function (event) {
    if (form.elements.assertion.value) { return; }
    event.preventDefault();
    navigator.credentials.get({ publicKey: asked(form) }).then(function (made) {
      form.elements.assertion.value = written(made);
      form.submit();
    }, function () {});
  });
})();
