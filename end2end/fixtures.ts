// What every test begins with: a server, somebody who is signed in, and a page that tells on itself.

import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, type Locator, type Page, test as base, expect } from '@playwright/test';
import { type Person, Server } from './server';

export { expect };

interface WorkerFixtures {
  /** What the server is told by its environment. */
  environment: Record<string, string>;
  /** A server, started once and shared by tests that run after each other. */
  server: Server;
}

interface Fixtures {
  /** A server that nobody has set up. */
  emptyServer: Server;
  /** The refusals that the test provokes, by HTTP status or the browser's word; the browser reports each one on its console. */
  refusals: (number | string)[];
  /** An owner of an organization without keys, signed in. */
  owner: Person;
  /** A platform key of the owner. */
  platformKey: string;
  /** Another browser, where nobody is signed in. */
  stranger: Page;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  environment: [{}, { option: true, scope: 'worker' }],
  server: [({ environment }, use) => lend(use, environment), { scope: 'worker' }],
  emptyServer: ({ page }, use) =>
    lend(async (server) => {
      await use(server);
      // Else the page may ask for something when the server is gone.
      await page.goto('about:blank');
    }),
  baseURL: ({ server }, use) => use(server.url),
  refusals: [[], { option: true }],

  context: async ({ context, server, refusals }, use) => {
    const troubles = await watch(context, refusals);
    await use(context);
    expect(server.panics()).toEqual([]);
    expect(troubles, 'the browser has nothing to complain of').toEqual([]);
  },
  stranger: async ({ browser, contextOptions, baseURL, refusals }, use) => {
    const context = await browser.newContext({ ...contextOptions, baseURL });
    const troubles = await watch(context, refusals);
    await use(await context.newPage());
    await context.close();
    expect(troubles, 'the other browser has nothing to complain of').toEqual([]);
  },
  owner: async ({ server, context }, use) => {
    const owner = server.addPerson();
    await admit(context, server, owner);
    await use(owner);
  },
  platformKey: ({ server, owner }, use) => use(server.platformKey(owner)),
});

/** Starts a server, and ends it whatever comes of its use. */
async function lend(use: (server: Server) => Promise<void>, environment?: Record<string, string>): Promise<void> {
  const server = await Server.start(environment);
  try {
    await use(server);
    expect(server.panics()).toEqual([]);
  } finally {
    await server.stop();
  }
}

/** Gathers what goes wrong in a browser: errors and warnings on the console, CSP violations, panics, answers from 500 on. */
async function watch(context: BrowserContext, refusals: Fixtures['refusals']): Promise<string[]> {
  const troubles: string[] = [];
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (violation) => {
      console.error(`CSP: ${violation.violatedDirective} ${violation.blockedURI} ${violation.sample}`);
    });
  });
  context.on('console', (message) => {
    const [, refused] = /^Failed to load resource: (.* status of \d+|net::\w+)/.exec(message.text()) ?? [];
    const expected = refusals.some((refusal) => refused?.endsWith(String(refusal)));
    // Somebody left before a part of the program had come. Where it can't come for another reason, the browser says so as well.
    const left = /Response body loading was aborted|^TypeError: Failed to fetch\s+at \S+\/parts\.js:/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !expected && !left) {
      troubles.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  context.on('weberror', (error) => troubles.push(String(error.error())));
  context.on('response', (response) => {
    if (response.status() >= 500 && !refusals.includes(response.status())) {
      troubles.push(`${response.status()} ${response.url()}`);
    }
  });
  return troubles;
}

/** Signs somebody in without the page; first-steps.spec.ts does it through the page. */
export async function admit(context: BrowserContext, server: Server, { email, password }: Person): Promise<void> {
  const answer = await context.request.post(`${server.url}/fn/account/sign-in`, {
    data: { email, password },
    headers: { origin: server.url },
  });
  expect(answer.status()).toBe(200);
}

/** Takes the session away. The page goes first: what it happens to ask for would be refused. */
export async function forgetSession(page: Page): Promise<void> {
  await page.goto('about:blank');
  await page.context().clearCookies();
}

/** Lets somebody else use the browser. */
export async function admitInstead(page: Page, server: Server, person: Person): Promise<void> {
  await forgetSession(page);
  await admit(page.context(), server, person);
}

/** Signs in through the page that is open. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens a page, and waits until it is live. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await live(page);
}

/** Waits until the page that is being loaded is live. */
export async function live(page: Page): Promise<void> {
  await expect(page.locator('html[data-hydrated]')).toBeAttached();
}

/** Waits for a page that something else has led to. */
export async function arrived(page: Page, path: string): Promise<void> {
  await page.waitForURL((url) => url.pathname + url.search === path);
  await live(page);
}

/** The row of a key. */
export function row(page: Page, name: string): Locator {
  return page.getByRole('row', { name, exact: true });
}

/** All rows but the heading. */
export function rows(page: Page): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('cell') });
}

/** Makes an agent key as a person would. Answers its secret; the pop-up that shows it stays open. */
export async function createKey(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: 'Create API Key' }).click();
  await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
  await page.getByLabel('API Key Name').fill(name);
  await page.getByRole('button', { name: 'Save' }).click();
  return (await secret(page).textContent()) ?? '';
}

/** The secret in the pop-up. */
export function secret(page: Page): Locator {
  return page.getByRole('dialog').getByText(/^lka_\w+$/);
}

/** Copies the secret and closes the pop-up. */
export async function copyAndClose(page: Page): Promise<void> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
  await expect(page.getByText('Copied', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
}

// Every rule that axe has for WCAG 2.2 A and AA, its best practices and its experiments: more than it checks unless told.
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice', 'experimental'];

/** Lets axe look at the page as it stands. */
export async function axe(page: Page, stop: string): Promise<void> {
  // What is still fading in has less contrast than it will have.
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((each) => each.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((animation) => animation.finished));
  });
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const told = violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map((node) => `${id} (${impact}): ${help}\n  ${node.target.join(' ')}\n  ${node.html}\n  ${node.failureSummary}`),
  );
  expect(told.join('\n\n'), `axe at: ${stop}`).toBe('');
}

/** The page as a whole never scrolls sideways. */
export async function fitsWidth(page: Page): Promise<void> {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(beyond, 'pixels beyond the right edge').toBe(0);
}
