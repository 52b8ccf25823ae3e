// SPDX-License-Identifier: Apache-2.0
// What is fetched once the pictures of a trace are there, as one file.

export { mergeCallers, timeOrder } from '../model/orders';
export { boxOfStretch } from '../model/pinch';
export { search } from '../model/search';
export { applySteps } from '../model/steps';
export { Actions, NoSamples, Outcome } from './around';
export { Choices } from './choices';
export { SpanDetails, SpanTip } from './details';
export { Diagnostics } from './diagnostics';
export { TooFew } from './few';
export { followPinch } from './pinch';
