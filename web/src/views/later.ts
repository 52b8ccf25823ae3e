// SPDX-License-Identifier: Apache-2.0
// What is fetched when it is first shown, as one file: the page opens without its weight.

export { FirstCompile } from './command';
export { CompileView } from './compile';
export { Diagnostics } from './diagnostics';
export { Disassembly } from './disassembly';
export { FunctionTable } from './functions';
export { Log } from './log';
export { SourcePane } from './source';
export { TokenForm } from './token';
