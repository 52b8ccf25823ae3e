// SPDX-License-Identifier: Apache-2.0
// Just enough of each language's words to colour them. Wrong guesses cost a colour, nothing else.

import type { Token } from './text';

export type Dialect = 'c' | 'spirv' | 'plain';

export function dialectOf(language: string): Dialect {
  if (language === 'spirv-asm' || language === 'spirv') return 'spirv';
  return language ? 'c' : 'plain';
}

const C_WORDS = new Set(('if else for while do switch case default break continue return discard struct const in out inout uniform '
  + 'buffer shared layout void precision highp mediump lowp flat smooth noperspective centroid sample patch coherent volatile '
  + 'restrict readonly writeonly invariant subroutine cbuffer register static typedef enum fn let var kernel __kernel global '
  + '__global true false namespace using template class public private').split(' '));
const C_TYPES = /^(?:bool|u?int(?:8|16|32|64)?(?:_t)?|uint|half|float(?:16|32|64)?(?:_t)?|double|[biud]?vec[234]|d?mat[234](?:x[234])?|(?:float|int|uint|half|bool|min16float)[1-4](?:x[1-4])?|[iu]?(?:sampler|image|texture|subpass)\w*|(?:RW)?(?:Texture|Buffer|StructuredBuffer|ByteAddressBuffer)\w*|SamplerState|atomic_uint|size_t|char|short|long|string)$/;

const C_TOKEN = /\/\/.*|\/\*|^\s*#\s*\w+|"(?:\\.|[^"\\])*"|\b\d[\w.]*|\.\d[\w.]*|[A-Za-z_]\w*/g;
const SPIRV_TOKEN = /;.*|"(?:\\.|[^"\\])*"|%\w+|\bOp[A-Z]\w*|\b-?\d[\w.+-]*|[A-Za-z_]\w*/g;

/** Lines of a C-like text that begin inside a block comment; found once for the whole text. */
export function commentLines(text: string, starts: Uint32Array): Uint8Array {
  const inside = new Uint8Array(starts.length);
  let line = 0;
  const at = /\/\/|\/\*|"/g;
  for (let m = at.exec(text); m; m = at.exec(text)) {
    if (m[0] !== '/*') {
      // a line comment or a string ends with its line at the latest
      const eol = text.indexOf('\n', m.index);
      const quote = m[0] === '"' ? text.indexOf('"', m.index + 1) : -1;
      const to = quote >= 0 && (eol < 0 || quote < eol) ? quote + 1 : eol;
      if (to < 0) break;
      at.lastIndex = to;
      continue;
    }
    const close = text.indexOf('*/', m.index + 2);
    const to = close < 0 ? text.length : close + 2;
    while (line < starts.length - 1 && starts[line + 1]! <= m.index) line++;
    for (let k = line + 1; k < starts.length - 1 && starts[k]! < to; k++) inside[k] = 1;
    at.lastIndex = to;
  }
  return inside;
}

const MAX_COLOURED = 2000; // characters of a line: beyond that it is data, not code

export function tokensOf(line: string, dialect: Dialect, inComment: boolean): Token[] {
  const out: Token[] = [];
  if (dialect === 'plain' || line.length > MAX_COLOURED) return out;
  let from = 0;
  if (inComment) {
    const close = line.indexOf('*/');
    from = close < 0 ? line.length : close + 2;
    out.push({ from: 0, to: from, kind: 'comment' });
  }
  const re = dialect === 'c' ? C_TOKEN : SPIRV_TOKEN;
  re.lastIndex = from;
  for (let m = re.exec(line); m; m = re.exec(line)) {
    const word = m[0];
    let to = m.index + word.length;
    let kind = '';
    if (dialect === 'spirv') {
      if (word[0] === ';') kind = 'comment';
      else if (word[0] === '"') kind = 'string';
      else if (word[0] === '%') kind = 'id';
      else if (/^Op[A-Z]/.test(word)) kind = 'word';
      else if (/^-?\d/.test(word)) kind = 'number';
      else kind = 'type';
    } else if (word.startsWith('//')) kind = 'comment';
    else if (word === '/*') {
      const close = line.indexOf('*/', to);
      to = close < 0 ? line.length : close + 2;
      kind = 'comment';
    } else if (word[0] === '"') kind = 'string';
    else if (/^\s*#/.test(word)) kind = 'directive';
    else if (/^\.?\d/.test(word)) kind = 'number';
    else if (C_WORDS.has(word)) kind = 'word';
    else if (C_TYPES.test(word)) kind = 'type';
    else if (/^gl_|^SV_/.test(word)) kind = 'id';
    if (kind) out.push({ from: m.index, to, kind });
    re.lastIndex = to;
  }
  return out;
}
