// SPDX-License-Identifier: Apache-2.0
// What is fetched when a person asks for it, as one file.

export { FirstCompile } from './command';
export { FlameExports } from './exports';
export { FunctionTable } from './functions';
export { Help } from './help';
export { Log } from './log';
export { measureSizes, PassDiff } from './passdiff';
export { Sandwich } from './sandwich';
export { saveTrace } from './save';
export { TokenForm } from './token';
