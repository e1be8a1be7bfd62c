(function () {
  var form = document.getElementById("passkey");
  if (!window.PublicKeyCredential || !form) { return; }
  form.hidden = false;
  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (each) { return each.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=+$/, "");
  }
  form.addEventListener("submit", function (event) {
    if (form.elements.assertion.value) { return; }
    event.preventDefault();
    var options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    options.allowCredentials = options.allowCredentials.map(function (each) {
      return { type: each.type, id: bytes(each.id) };
    });
    navigator.credentials.get({ publicKey: options }).then(function (made) {
      var answer = made.response;
      form.elements.assertion.value = JSON.stringify({
        id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {},
        response: {
          clientDataJSON: text(answer.clientDataJSON), authenticatorData: text(answer.authenticatorData),
          signature: text(answer.signature), userHandle: answer.userHandle ? text(answer.userHandle) : null
        }
      });
      form.submit();
    }, function () {});
  });
})();
