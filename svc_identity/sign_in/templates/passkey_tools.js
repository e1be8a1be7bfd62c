  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (each) { return each.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=+$/, "");
  }
  function named(credentials) {
    return (credentials || []).map(function (each) { return { type: each.type, id: bytes(each.id) }; });
  }
  function asked(element) {
    var options = JSON.parse(element.dataset.options);
    options.challenge = bytes(options.challenge);
    if (options.user) { options.user.id = bytes(options.user.id); }
    options.allowCredentials = named(options.allowCredentials);
    options.excludeCredentials = named(options.excludeCredentials);
    return options;
  }
  function written(made) {
    var answer = made.response, response = { clientDataJSON: text(answer.clientDataJSON) };
    if (answer.attestationObject) { response.attestationObject = text(answer.attestationObject); }
    if (answer.signature) {
      response.authenticatorData = text(answer.authenticatorData);
      response.signature = text(answer.signature);
      response.userHandle = answer.userHandle ? text(answer.userHandle) : null;
    }
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {}, response: response
    });
  }
