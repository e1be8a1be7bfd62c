(function () {
  var form = document.getElementById("question"), words = document.getElementById("words");
  var prefix = form.dataset.prefix + ":", bits = Number(form.dataset.bits), PIECE = 4000;
  var START = [], ROUND = [], mix = new Int32Array(64), tried = 0;
  function fraction(root) { return ((root - Math.floor(root)) * 4294967296) | 0; }
  for (var number = 2; ROUND.length < 64; number += 1) {
    var prime = true;
    for (var part = 2; part * part <= number; part += 1) { prime = prime && number % part !== 0; }
    if (!prime) { continue; }
    if (START.length < 8) { START.push(fraction(Math.sqrt(number))); }
    ROUND.push(fraction(Math.cbrt(number)));
  }
  function turn(word, by) { return (word >>> by) | (word << (32 - by)); }
  // The first word of SHA-256 of a text of at most 55 ASCII characters.
  function hashed(text) {
    var at, h = START.slice();
    mix.fill(0, 0, 16);
    for (at = 0; at < text.length; at += 1) { mix[at >> 2] |= text.charCodeAt(at) << (24 - (at & 3) * 8); }
    mix[at >> 2] |= 0x80 << (24 - (at & 3) * 8);
    mix[15] = text.length * 8;
    for (at = 16; at < 64; at += 1) {
      var far = mix[at - 15], near = mix[at - 2];
      mix[at] = (mix[at - 16] + (turn(far, 7) ^ turn(far, 18) ^ (far >>> 3)) + mix[at - 7] +
        (turn(near, 17) ^ turn(near, 19) ^ (near >>> 10))) | 0;
    }
    for (at = 0; at < 64; at += 1) {
      var e = h[4], a = h[0];
      var one = (h[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & h[5]) ^ (~e & h[6])) + ROUND[at] + mix[at]) | 0;
      var two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & h[1]) ^ (a & h[2]) ^ (h[1] & h[2]))) | 0;
      h = [(one + two) | 0, a, h[1], h[2], (h[3] + one) | 0, e, h[5], h[6]];
    }
    return (h[0] + START[0]) | 0;
  }
  function work() {
    for (var end = tried + PIECE; tried < end; tried += 1) {
      if (hashed(prefix + tried) >>> (32 - bits) === 0) {
        form.elements.work.value = String(tried);
        form.submit();
        return;
      }
    }
    setTimeout(work, 0);
  }
  document.getElementById("working").hidden = false;
  if (words) {
    words.hidden = true;
    setTimeout(function () { words.hidden = false; }, 15000);
  }
  setTimeout(work, 0);
})();
