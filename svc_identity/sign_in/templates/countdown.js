(function () {
  var note = document.getElementById("wait"), again = document.getElementById("again");
  var texts = note.dataset, end = Date.now() + Number(texts.seconds) * 1000;
  if (!texts.seconds) { return; }
  function tick() {
    var left = Math.ceil((end - Date.now()) / 1000);
    again.disabled = left > 0;
    if (left > 0) {
      note.textContent = texts.waiting.replace("{wait}", texts.second.replace("{count}", left));
      setTimeout(tick, 1000);
      return;
    }
    note.setAttribute("role", "status");
    note.textContent = texts.now;
  }
  tick();
})();
