import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { debianPackages } from './debian.js';

/** Chromium must not talk to anybody but the page under test. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const START_MS = 60_000;

export interface RealBrowser {
  browser: Browser;
  close: () => Promise<void>;
}

/** Starts Debian's Chromium. Undefined where it can't be had. */
export async function startBrowser(): Promise<RealBrowser | undefined> {
  const folder = await debianPackages(['chromium', 'fonts-dejavu-core']);
  if (folder === undefined) return undefined;
  const home = await mkdtemp(join(tmpdir(), 'penstock-browser-'));
  const fonts = join(home, 'fonts.conf');
  await writeFile(
    fonts,
    `<?xml version="1.0"?><fontconfig><dir>${join(folder, 'usr', 'share', 'fonts')}</dir><cachedir>${home}</cachedir></fontconfig>`,
  );
  const libraries = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const browser = await chromium.launch({
    executablePath: join(folder, 'usr', 'lib', 'chromium', 'chromium'),
    args: QUIET,
    timeout: START_MS,
    env: {
      HOME: home,
      TMPDIR: home,
      FONTCONFIG_FILE: fonts,
      LD_LIBRARY_PATH: [libraries, join(libraries, 'pulseaudio')]
        .map((name) => join(folder, 'usr', 'lib', name))
        .join(':'),
    },
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** What axe finds on a page, each as a sentence. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Not as a script of the page: its policy lets none in.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (
      globalThis as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; help: string; nodes: { html: string }[] }[] }> };
      }
    ).axe.run(),
  );
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
}
