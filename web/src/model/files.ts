// SPDX-License-Identifier: Apache-2.0
// The files of a request, and which of them a diagnostic is about.

import type { CompileRequest, Diagnostic } from '../api';

/** Names and texts of the files of a request, but for those that are bytes. */
export const textFiles = (r: CompileRequest | null): [string, string][] =>
  Object.entries(r?.files ?? {}).filter((f): f is [string, string] => typeof f[1] === 'string');

/** The file that a diagnostic is about; null is the source itself, whose name is given. */
export const fileOf = (d: Diagnostic, name: string | null): string | null => (!d.file || d.file === name ? null : d.file);

/** Those about one file, that have a place in it. */
export const diagnosticsOf = (all: readonly Diagnostic[], file: string | null, name: string | null): Diagnostic[] =>
  all.filter((d) => d.range && fileOf(d, name) === file);
