"""The sign-in pages in a real browser: headless Chromium, driven by the DevTools protocol over a pipe."""
