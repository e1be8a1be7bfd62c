"""Common readers of ZIP files, as far as this machine has them: each gives every file's name and SHA-256."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kit.files.zip_entries import path_of
from tests.svc_miniapps.packages.packers import NODE_MODULES, files_of, run

Tree = Mapping[str, str]
Reader = Callable[[Sequence[Path], Path], Sequence[Tree]]
"""The trees of several files; the folder is for what it writes."""


def _python(files: Sequence[Path], _folder: Path) -> Sequence[Tree]:
    trees = []
    for file in files:
        with zipfile.ZipFile(file) as archive:
            # Python shows a name without the UTF-8 flag in code page 437, though Info-ZIP writes such names in UTF-8.
            members = [info for info in archive.infolist() if not info.is_dir()]
            trees.append({path_of(info): hashlib.sha256(archive.read(info)).hexdigest() for info in members})
    return trees


def _extracting(*command: str) -> Reader:
    def read(files: Sequence[Path], folder: Path) -> Sequence[Tree]:
        trees = []
        for place, file in enumerate(files):
            target = folder / str(place)
            target.mkdir()
            run(*(part.format(file=file, target=target) for part in command), folder=target)
            names = files_of(target)
            trees.append({name: hashlib.sha256((target / name).read_bytes()).hexdigest() for name in names})
        return trees

    return read


_JAVA = """
import java.io.*; import java.util.*; import java.util.zip.*; import java.security.*;
public class Read {
  static void say(String name, InputStream in) throws Exception {
    var hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(in.readAllBytes()));
    System.out.write((name + "\\0" + hash + "\\0").getBytes("UTF-8")); }
  public static void main(String[] a) throws Exception {
    for (int i = 1; i < a.length; i++) {
      if (a[0].equals("file")) try (var zip = new ZipFile(a[i])) {
        for (var e : Collections.list(zip.entries())) if (!e.isDirectory()) say(e.getName(), zip.getInputStream(e)); }
      else try (var in = new ZipInputStream(new FileInputStream(a[i]))) {
        ZipEntry e; while ((e = in.getNextEntry()) != null) if (!e.isDirectory()) say(e.getName(), in); }
      System.out.write("\\1\\0".getBytes()); System.out.flush(); } } }
"""
_NODE = """
const fs=require('fs'),J=require('jszip'),c=require('crypto');(async()=>{const all=[];
for(const f of process.argv.slice(1)){const t={},z=await J.loadAsync(fs.readFileSync(f),{checkCRC32:true});
for(const e of Object.values(z.files))
if(!e.dir)t[e.name]=c.createHash('sha256').update(await e.async('nodebuffer')).digest('hex');
all.push(t)}console.log(JSON.stringify(all))})()
"""


def _java(how: str) -> Reader:
    def read(files: Sequence[Path], folder: Path) -> Sequence[Tree]:
        source = folder / "Read.java"
        source.write_text(_JAVA)
        said = run("java", "-Dfile.encoding=UTF-8", str(source), how, *map(str, files), folder=folder).decode()
        trees = []
        for part in said.split("\1\0")[:-1]:
            words = part.split("\0")[:-1]
            trees.append(dict(zip(words[::2], words[1::2], strict=True)))
        return trees

    return read


def _jszip(files: Sequence[Path], folder: Path) -> Sequence[Tree]:
    trees: list[Tree] = json.loads(run("node", "-e", _NODE, *map(str, files), folder=folder))
    return trees


READERS: dict[str, tuple[bool, Reader]] = {
    "Python zipfile": (True, _python),
    "Info-ZIP unzip": (bool(shutil.which("unzip")), _extracting("unzip", "-q", "{file}", "-d", "{target}")),
    "libarchive bsdtar": (bool(shutil.which("bsdtar")), _extracting("bsdtar", "-xf", "{file}", "-C", "{target}")),
    "7-Zip": (bool(shutil.which("7zz")), _extracting("7zz", "x", "-y", "-bd", "-o{target}", "{file}")),
    "java.util.zip.ZipFile": (bool(shutil.which("java")), _java("file")),
    "java.util.zip.ZipInputStream": (bool(shutil.which("java")), _java("stream")),
    "JSZip": ((NODE_MODULES / "jszip").is_dir(), _jszip),
}
