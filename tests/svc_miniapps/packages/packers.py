"""Ordinary packers, as far as this machine has them: each packs the files of a folder into one ZIP file."""

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Packer = Callable[[Path, Path], None]
NODE_MODULES = Path(__file__).parents[3] / ".tools" / "zip-packers" / "node_modules"
_TIMEOUT = 90


def run(*command: str, folder: Path, stdin: bytes | None = None) -> bytes:
    own = {"LC_ALL": "C.UTF-8", "NODE_PATH": str(NODE_MODULES), "GOCACHE": str(folder.parent / "go")}
    done = subprocess.run(  # noqa: S603 - tools of tests
        command, cwd=folder, input=stdin, env={**os.environ, **own}, capture_output=True, check=False, timeout=_TIMEOUT
    )
    assert done.returncode == 0, (command, done.stderr[-2000:])
    return done.stdout


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _zipfile(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files_of(folder):
            archive.write(folder / name, name)


def _zipfile_stream(folder: Path, target: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.file = target.open("wb")

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
            return self.file.write(data)

        def close(self) -> None:
            self.file.close()
            super().close()

    with Pipe() as pipe, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files_of(folder):
            archive.write(folder / name, name)


def _shutil(folder: Path, target: Path) -> None:
    shutil.make_archive(str(target.with_suffix("")), "zip", folder)


def _info_zip(folder: Path, target: Path) -> None:
    run("zip", "-qr", str(target), ".", folder=folder)


def _info_zip_without_extras(folder: Path, target: Path) -> None:
    run("zip", "-qrXD9", str(target), ".", folder=folder)


def _seven_zip(folder: Path, target: Path) -> None:
    run("7zz", "a", "-bd", "-tzip", str(target), ".", folder=folder)


def _bsdtar(folder: Path, target: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    run("bsdtar", "-a", "-cf", str(target), *names, folder=folder)


def _jar(folder: Path, target: Path) -> None:
    run("jar", "cfM", str(target), ".", folder=folder)


_JAVA = """
import java.io.*; import java.nio.file.*; import java.util.zip.*;
public class Pack { public static void main(String[] a) throws Exception {
  try (var out = new ZipOutputStream(new FileOutputStream(a[0]))) {
    for (int i = 1; i < a.length; i++) {
      out.putNextEntry(new ZipEntry(a[i])); out.write(Files.readAllBytes(Path.of(a[i]))); out.closeEntry(); } } } }
"""
_GO = """
package main
import ("archive/zip"; "os")
func main() { f, _ := os.Create(os.Args[1]); w := zip.NewWriter(f)
  for _, name := range os.Args[2:] { b, e := os.ReadFile(name); if e != nil { panic(e) }
    o, e := w.Create(name); if e != nil { panic(e) }; o.Write(b) }
  if e := w.Close(); e != nil { panic(e) }; f.Close() }
"""
_PHP = """$z = new ZipArchive; $z->open($argv[1], ZipArchive::CREATE);
foreach (array_slice($argv, 2) as $n) { $z->addFile($n, $n); } $z->close() or exit(1);"""
_PERL = """use IO::Compress::Zip qw(zip $ZipError); my $o = shift;
zip [@ARGV] => $o, CanonicalName => 0 or die $ZipError;"""
_ARCHIVE_ZIP = """use Archive::Zip; my $o = shift; my $z = Archive::Zip->new();
$z->addFile($_)->desiredCompressionMethod(8) for @ARGV; $z->writeToFileNamed($o) == 0 or die;"""
_NODE = {
    "archiver": "const a=require('archiver')('zip');a.pipe(fs.createWriteStream(out));"
    "names.forEach(n=>a.file(n,{name:n}));a.finalize();",
    "yazl": "const z=new (require('yazl').ZipFile)();names.forEach(n=>z.addFile(n,n));"
    "z.outputStream.pipe(fs.createWriteStream(out));z.end();",
    "jszip": "const z=new (require('jszip'))();names.forEach(n=>z.file(n,fs.readFileSync(n)));"
    "z.generateAsync({type:'nodebuffer',compression:'DEFLATE'}).then(b=>fs.writeFileSync(out,b));",
    "fflate": "const f={};names.forEach(n=>f[n]=new Uint8Array(fs.readFileSync(n)));"
    "fs.writeFileSync(out,require('fflate').zipSync(f));",
}


def _java(folder: Path, target: Path) -> None:
    source = target.with_name("Pack.java")
    source.write_text(_JAVA)
    run("java", str(source), str(target), *files_of(folder), folder=folder)


def _go(folder: Path, target: Path) -> None:
    source = target.with_name("pack.go")
    source.write_text(_GO)
    run("go", "run", str(source), str(target), *files_of(folder), folder=folder)


def _php(folder: Path, target: Path) -> None:
    run("php", "-r", _PHP, "--", str(target), *files_of(folder), folder=folder)


def _perl(program: str) -> Packer:
    def pack(folder: Path, target: Path) -> None:
        run("perl", "-e", program, str(target), *files_of(folder), folder=folder)

    return pack


def _git(folder: Path, target: Path) -> None:
    git = ("git", "--git-dir", str(target.with_name("git")), "--work-tree", str(folder))
    run(*git, "init", "-q", folder=folder)
    run(*git, "-c", "core.autocrlf=false", "add", "-A", folder=folder)
    tree = run(*git, "write-tree", folder=folder).decode().strip()
    run(*git, "archive", "--format=zip", "-o", str(target), tree, folder=folder)


def _node(library: str) -> Packer:
    def pack(folder: Path, target: Path) -> None:
        program = f"const fs=require('fs');const [out,...names]=process.argv.slice(1);{_NODE[library]}"
        run("node", "-e", program, str(target), *files_of(folder), folder=folder)

    return pack


def _has_perl(module: str) -> bool:
    return (
        bool(shutil.which("perl"))
        and not subprocess.run(  # noqa: S603 - a tool of tests
            ["perl", f"-M{module}", "-e", "1"],  # noqa: S607 - wherever it is
            capture_output=True,
            check=False,
        ).returncode
    )


_PERL_PACKERS = {"IO::Compress::Zip": _PERL, "Archive::Zip": _ARCHIVE_ZIP}
PACKERS: dict[str, tuple[bool, Packer]] = {
    "Python zipfile": (True, _zipfile),
    "Python zipfile into a pipe": (True, _zipfile_stream),
    "Python shutil": (True, _shutil),
    "Info-ZIP zip": (bool(shutil.which("zip")), _info_zip),
    "Info-ZIP zip -X": (bool(shutil.which("zip")), _info_zip_without_extras),
    "7-Zip": (bool(shutil.which("7zz")), _seven_zip),
    "bsdtar": (bool(shutil.which("bsdtar")), _bsdtar),
    "jar": (bool(shutil.which("jar")), _jar),
    "java.util.zip": (bool(shutil.which("java")), _java),
    "Go archive/zip": (bool(shutil.which("go")), _go),
    "PHP ZipArchive": (bool(shutil.which("php")), _php),
    "git archive": (bool(shutil.which("git")), _git),
    **{f"Perl {name}": (_has_perl(name), _perl(code)) for name, code in _PERL_PACKERS.items()},
    **{f"Node {name}": ((NODE_MODULES / name).is_dir(), _node(name)) for name in _NODE},
}
