#!/usr/bin/env python3
"""Fails when the public API names a type of a crate whose major versions must not strand users.

Reads rustdoc's JSON for the public items and follows every type that they mention. reqwest is
allowed inside what is made of it, and nowhere else.
"""

import json
import sys

BANNED = {"jsonwebtoken", "aws_lc_rs", "aws_lc_sys", "moka", "quick_cache", "redis", "reqwest", "rustls", "spki", "der"}
ALLOWED_IN = {"reqwest": {"ReqwestClient"}}


def crates_named(node, doc, found):
    """Collects the crates of all types that a piece of the JSON mentions by path."""
    if isinstance(node, dict):
        if "path" in node and "id" in node and (summary := doc["paths"].get(str(node["id"]))):
            crate = doc["external_crates"].get(str(summary["crate_id"]), {}).get("name")
            if crate in BANNED:
                found.add((crate, "::".join(summary["path"])))
        for value in node.values():
            crates_named(value, doc, found)
    elif isinstance(node, list):
        for value in node:
            crates_named(value, doc, found)


def owner_of(item, doc):
    """The name of the type that a method belongs to, or of the item itself."""
    for other in doc["index"].values():
        impl = other["inner"].get("impl")
        if impl and (item["id"] in impl["items"] or item["id"] == other["id"]):
            target = impl["for"].get("resolved_path")
            return target["path"] if target else None
    return item["name"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        doc = json.load(file)
    wrong = []
    for item in doc["index"].values():
        # Blanket and synthetic implementations say nothing about what users can name.
        impl = item["inner"].get("impl")
        if item["crate_id"] != 0 or (impl and (impl["is_synthetic"] or impl.get("blanket_impl"))):
            continue
        found = set()
        crates_named(item["inner"], doc, found)
        for crate, path in sorted(found):
            if owner_of(item, doc) not in ALLOWED_IN.get(crate, set()):
                wrong.append(f"{(item.get('span') or {}).get('filename')}: {item['name'] or 'impl'} names {path}")
    print(f"{len(doc['index'])} public items looked at")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
