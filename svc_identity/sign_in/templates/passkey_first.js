(function () {
  var form = document.getElementById("begin"), button = document.getElementById("passkey"), waiting;
  // Passkeys belong to names: on a bare address no device makes or uses one.
  if (!window.PublicKeyCredential || !form || /^[0-9.]+$|:/.test(location.hostname)) { return; }
{% include "passkey_tools.js" %}
  function get(mediation) {
    if (waiting) { waiting.abort(); }
    waiting = new AbortController();
    navigator.credentials.get({ publicKey: asked(form), mediation: mediation, signal: waiting.signal }).then(function (made) {
      form.elements.assertion.value = written(made);
      form.action = form.dataset.passkey;
      form.submit();
    }, function () {});
  }
  button.hidden = false;
  button.addEventListener("click", function () { get("optional"); });
  if (PublicKeyCredential.isConditionalMediationAvailable) {
    PublicKeyCredential.isConditionalMediationAvailable().then(function (can) { if (can) { get("conditional"); } });
  }
})();
