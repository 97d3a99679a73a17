// The page's own files, as they lie in the package's folder page/: a fixed list, read once, each with a tag by which
// the browser knows that it has them already.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { MegaflowError } from "../errors.ts";
import { projectFile } from "../project.ts";

/** A file ready to be sent. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  /** Strong ETag, quotes included. */
  readonly tag: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Reads the files; `/` is index.html and `/NAME` any other. Throws MegaflowError when the package is not complete. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const folder = projectFile("page");
  const assets = new Map<string, Asset>();
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw new MegaflowError("PAGE_FILES", `the files of the live page are missing: no folder ${folder}`, {
      cause,
    });
  }
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const body = readFileSync(`${folder}/${name}`);
    const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    assets.set(name === "index.html" ? "/" : `/${name}`, { type, body, tag });
  }
  return assets;
}
