(function () {
  var form = document.getElementById("new_passkey"), typed = document.getElementById("enrolment_code");
  // Passkeys belong to names: on a bare address no device makes or uses one.
  if (!window.PublicKeyCredential || !form || /^[0-9.]+$|:/.test(location.hostname)) { return; }
{% include "passkey_tools.js" %}
  form.hidden = false;
  form.addEventListener("submit", function (event) {
    if (form.elements.credential.value) { return; }
    event.preventDefault();
    if (typed && !typed.reportValidity()) { return; }
    navigator.credentials.create({ publicKey: asked(form) }).then(function (made) {
      form.elements.credential.value = written(made);
      if (typed) { form.elements.enrolment_code.value = typed.value; }
      form.submit();
    }, function () {});
  });
})();
