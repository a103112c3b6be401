// SPDX-License-Identifier: GPL-3.0-or-later
// What the checks of deploy/ share: where the tree is, where the packages of package-lock.json were installed (by
// tests/deploy/run, into NODE_PACKAGES), and the documents of a YAML file, in which a key twice is an error.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const here = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const packages = process.env.NODE_PACKAGES ?? `${here}/build/deploy/node_modules`;
export const load = (path) => import(pathToFileURL(`${packages}/${path}`).href);

const { parseAllDocuments } = (await load('yaml/dist/index.js')).default;

export function parse(name, text) {
  return parseAllDocuments(text, { uniqueKeys: true, strict: true })
    .map((one) => {
      if (one.errors.length) throw new Error(`${name}: ${one.errors.map((e) => e.message).join('; ')}`);
      return one.toJS();
    })
    .filter((one) => one !== null);
}

export const documents = (path) => parse(path, readFileSync(`${here}/${path}`, 'utf8'));
