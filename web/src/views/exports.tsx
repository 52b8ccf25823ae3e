// SPDX-License-Identifier: Apache-2.0
// What is shown of the samples, as a picture or in another tool's format. Nothing is sent anywhere: files are made here.

import { useState } from 'preact/hooks';
import { foldedText, pprofBytes, speedscopeJson, svgText, type Shown } from '../model/exports';
import type { FlameTree } from '../model/flame';
import { formatShare, shortName } from '../model/format';
import { inTimeOrder } from '../model/orders';
import type { Profile } from '../model/profile';
import { weightWords } from '../model/words';
import { findZoom } from '../model/zoom';
import { FLAME_ROW } from '../render/flame';
import { readTheme } from '../render/theme';
import { download, fileStem } from './download';

interface Props {
  tree: FlameTree;
  profile: Profile;
  title: string;
  words: string;
  hueOf: Uint8Array;
  zoom: string;
  shape: string;
  onClose: () => void;
}

const WIDTH = 1400;

export function FlameExports({ tree, profile, title, words, hueOf, zoom, shape, onClose }: Props) {
  const [problem, setProblem] = useState('');
  const at = shape === 'sandwich' || shape === 'table' ? 0 : findZoom(tree, profile, zoom);
  const shown: Shown = { tree, profile, title, at };
  const inWords = at > 0 ? `only what is in ${shortName(profile.fnName[tree.fn[at]!]!)}: ${weightWords(profile, tree.total[at]!)}` : '';
  const stem = fileStem(title);
  const order = (): number[] | undefined => (shape === 'time' ? inTimeOrder(profile, Uint8Array.from(tree.sampleBox, (box) => (box >= 0 ? 1 : 0))) : undefined);
  const svg = () => {
    const theme = readTheme();
    const label = (i: number) => `${shortName(profile.fnName[tree.fn[i]!]!)} ${formatShare(tree.total[i]! / tree.total[0]!)} (${weightWords(profile, tree.total[i]!)})`;
    return svgText(shown, [words, inWords].filter(Boolean).join(', '), {
      width: WIDTH, row: FLAME_ROW, font: theme.font.replace(/^\S+ /, ''), background: theme.surface, text: theme.text, boxText: theme.boxText,
      box: (i) => theme.hues[hueOf[tree.fn[i]!]!]!, label,
    }, tree.x[at]!, tree.x[at]! + tree.total[at]!);
  };
  const formats: [string, () => Promise<void> | void][] = [
    ['SVG', () => download(`${stem}.svg`, 'image/svg+xml', svg())],
    ['PNG', async () => download(`${stem}.png`, 'image/png', await pngOf(svg()))],
    ['Folded stacks', () => download(`${stem}.folded`, 'text/plain', foldedText(shown))],
    ['speedscope', () => download(`${stem}.speedscope.json`, 'application/json', speedscopeJson(shown, order()))],
    ['pprof', async () => download(`${stem}.pb.gz`, 'application/octet-stream', await gzip(pprofBytes(shown)))],
    ['Open in speedscope', () => openInSpeedscope(stem, speedscopeJson(shown, order()))],
  ];
  const run = async (make: () => Promise<void> | void) => {
    setProblem('');
    try {
      await make();
      onClose();
    } catch (e) {
      setProblem(e instanceof Error ? e.message : String(e));
    }
  };
  return (
    <div class="menu-list">
      {inWords && <p class="muted">{inWords}</p>}
      {formats.map(([name, make]) => <button type="button" key={name} class="quiet" onClick={() => void run(make)}>{name}</button>)}
      {problem && <span class="bad" role="alert">{problem}</span>}
    </div>
  );
}

async function pngOf(svg: string): Promise<Blob> {
  // As data, which the page's policy lets pictures be.
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext('2d')!.drawImage(image, 0, 0);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('The picture is too large for this browser.'))), 'image/png'));
}

async function gzip(bytes: Uint8Array): Promise<Blob> {
  return new Response(new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

/** speedscope's own page lies beside this one. It says when it is there, and gets the profile from here. */
function openInSpeedscope(name: string, json: string): void {
  const other = window.open('speedscope.html');
  if (!other) throw new Error('The browser did not open a window.');
  const answer = (e: MessageEvent): void => {
    if (e.source !== other || e.origin !== location.origin || e.data !== 'speedscope is there') return;
    removeEventListener('message', answer);
    other.postMessage({ name: `${name}.speedscope.json`, json }, location.origin);
  };
  addEventListener('message', answer);
}
