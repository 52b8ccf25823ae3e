// SPDX-License-Identifier: Apache-2.0
// What of a trace has to do with code and needs the editor, as one file.

export { CodePanes } from './panes';
export { Passes } from './passes';
