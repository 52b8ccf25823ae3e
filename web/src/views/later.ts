// SPDX-License-Identifier: Apache-2.0
// What is fetched when it is first shown, as one file: the page opens without its weight.

export { CodePane } from './code';
export { CompileView } from './compile';
export { Disassembly } from './disassembly';
export { FunctionTable } from './functions';
export { Log } from './log';
