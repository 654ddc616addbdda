// Fixtures of all tests: a server, a signed-in user, and a browser whose errors fail the test.

import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, type Locator, type Page, test as base, expect } from '@playwright/test';
import { withInstances } from './instances';
import { Server, type User } from './server';

export { expect };

interface WorkerFixtures {
  /** Environment variables of the server. */
  environment: Record<string, string>;
  /** The number of instances: one, or two behind nginx. */
  instances: 1 | 2;
  /** Started once per worker and shared by its tests. */
  server: Server;
}

interface Fixtures {
  /** A server without users. */
  emptyServer: Server;
  /** Errors that the test provokes, by HTTP status or network error; the browser logs each one to its console. */
  expectedErrors: (number | string)[];
  /** An owner of an organization without keys, signed in. */
  owner: User;
  /** An internal key of the owner. */
  internalKey: string;
  /** A page in another browser context, signed out. */
  otherPage: Page;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  environment: [{}, { option: true, scope: 'worker' }],
  instances: [1, { option: true, scope: 'worker' }],
  server: [({ environment, instances }, use) => withServer(use, instances, environment), { scope: 'worker' }],
  emptyServer: ({ page, instances }, use) =>
    withServer(async (server) => {
      await use(server);
      // Otherwise the page may send requests after the server has stopped.
      await page.goto('about:blank');
    }, instances),
  baseURL: ({ server }, use) => use(server.url),
  expectedErrors: [[], { option: true }],

  context: async ({ context, server, expectedErrors }, use) => {
    const problems = await collectProblems(context, expectedErrors);
    await use(context);
    expect(server.panics()).toEqual([]);
    expect(problems, 'errors and warnings in the browser').toEqual([]);
  },
  otherPage: async ({ browser, contextOptions, baseURL, expectedErrors }, use) => {
    const context = await browser.newContext({ ...contextOptions, baseURL });
    const problems = await collectProblems(context, expectedErrors);
    await use(await context.newPage());
    await context.close();
    expect(problems, 'errors and warnings in the other browser').toEqual([]);
  },
  owner: async ({ server, context }, use) => {
    const owner = server.addUser();
    await authenticate(context, server, owner);
    await use(owner);
  },
  internalKey: ({ server, owner }, use) => use(server.createInternalKey(owner)),
});

/** Starts a server and stops it afterwards, also on failure. */
async function withServer(use: (server: Server) => Promise<void>, instances: 1 | 2, environment: Record<string, string> = {}): Promise<void> {
  const useAndCheck = async (server: Server) => {
    await use(server);
    expect(server.panics()).toEqual([]);
  };
  if (instances === 2) {
    await withInstances(useAndCheck, environment);
    return;
  }
  const server = await Server.start(environment);
  try {
    await useAndCheck(server);
  } finally {
    await server.stop();
  }
}

/** Collects console errors and warnings, CSP violations, panics and 5xx responses of a browser context. */
async function collectProblems(context: BrowserContext, expectedErrors: Fixtures['expectedErrors']): Promise<string[]> {
  const problems: string[] = [];
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (violation) => {
      console.error(`CSP: ${violation.violatedDirective} ${violation.blockedURI} ${violation.sample}`);
    });
  });
  context.on('console', (message) => {
    const [, failure] = /^Failed to load resource: (.* status of \d+|net::\w+)/.exec(message.text()) ?? [];
    const isExpected = expectedErrors.some((error) => failure?.endsWith(String(error)));
    // The page was left while a lazy chunk was loading. A chunk that fails for another reason causes a further error.
    const isAborted = /Response body loading was aborted|^TypeError: Failed to fetch\s+at \S+\/chunks\.js:/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isExpected && !isAborted) {
      problems.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  context.on('weberror', (error) => problems.push(String(error.error())));
  context.on('response', (response) => {
    if (response.status() >= 500 && !expectedErrors.includes(response.status())) {
      problems.push(`${response.status()} ${response.url()}`);
    }
  });
  return problems;
}

/** Signs a user in without the page; first-steps.spec.ts tests the sign-in page. */
export async function authenticate(context: BrowserContext, server: Server, { email, password }: User): Promise<void> {
  const response = await context.request.post(`${server.url}/fn/account/sign-in`, {
    data: { email, password },
    headers: { origin: server.url },
  });
  expect(response.status()).toBe(200);
}

/** Calls a server function as the user who is signed in. */
export async function call({ request }: Page | BrowserContext, server: Server, name: string, data: unknown): Promise<any> {
  const response = await request.post(`${server.url}/fn/${name}`, { data, headers: { origin: server.url } });
  expect(response.status(), `${name}: ${await response.text()}`).toBe(200);
  return response.json();
}

/** Creates a project. Returns its id. */
export async function addProject(
  caller: Page | BrowserContext,
  server: Server,
  name = 'Genomics',
  visibility: 'organization' | 'members' = 'organization',
): Promise<string> {
  return (await call(caller, server, 'projects/create', { request: { name, description: '', visibility } })).id;
}

/** The page's request for a service that client keys may read. An injection with parameters is an object, such as `{ Header: { name } }`. */
const SERVICE = {
  base_url: 'https://api.example.com',
  injection: 'Bearer' as string | Record<string, Record<string, string>>,
  credential: null as string | null,
  allow: [{ method: 'GET', path: '/**' }],
  callers: [{ kind: 'client', scope: null as string | null }],
  timeout_seconds: 60,
  body_max: 10_485_760,
};

/** Creates a service. Returns it as listed. */
export async function addService(caller: Page | BrowserContext, server: Server, name: string, values: Partial<typeof SERVICE> = {}): Promise<any> {
  return call(caller, server, 'services/create', { request: { ...SERVICE, name, ...values } });
}

/** Fills in and submits the open page of the set-up. */
export async function setUp(page: Page, organization: string, owner: { name: string; email: string; password: string }): Promise<void> {
  await page.getByLabel('Organization').fill(organization);
  await page.getByLabel('Name', { exact: true }).fill(owner.name);
  await page.getByLabel('Email').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Create account' }).click();
}

/** Deletes the session cookie. The page is left first, because its requests would be rejected. */
export async function clearSession(page: Page): Promise<void> {
  await page.goto('about:blank');
  await page.context().clearCookies();
}

/** Replaces the session by one of another user. */
export async function switchUser(page: Page, server: Server, user: User): Promise<void> {
  await clearSession(page);
  await authenticate(page.context(), server, user);
}

/** Fills in and submits the open sign-in page. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens a page and waits for its hydration. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await waitForHydration(page);
}

/** Waits until the page is hydrated. */
export async function waitForHydration(page: Page): Promise<void> {
  await expect(page.locator('html[data-hydrated]')).toBeAttached();
}

/** Waits for the navigation to a path, and for hydration. */
export async function waitForPage(page: Page, path: string): Promise<void> {
  await page.waitForURL((url) => url.pathname + url.search === path);
  await waitForHydration(page);
}

/** Makes the page think that its tab is in the background, or in the foreground again. */
export async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
}

/** Clicks twice at the same place, as slowly as a double click can be, whatever is there the second time. */
export async function clickTwice(page: Page, control: Locator): Promise<void> {
  await control.scrollIntoViewIfNeeded();
  const box = await control.boundingBox();
  if (!box) {
    throw new Error('the control is not visible');
  }
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.click(x, y);
  await page.waitForTimeout(300);
  await page.mouse.click(x, y);
  // Until a request of the second click would have an effect.
  await page.waitForTimeout(500);
}

/** A table row, by its accessible name. */
export function row(page: Page, name: string): Locator {
  return page.getByRole('row', { name, exact: true });
}

/** Confirms an action on several keys that are in use or many, so that their number is typed. */
export async function confirmWithNumber(page: Page, verb: string, count: number): Promise<void> {
  const confirmation = page.getByRole('alertdialog', { name: `${verb} ${count.toLocaleString('en')} keys?` });
  const button = confirmation.getByRole('button', { name: verb, exact: true });
  await expect(button).toBeDisabled();
  await confirmation.getByLabel(`Type ${count} to ${verb.toLowerCase()}`).fill(String(count));
  await button.click();
}

/** The control of a filter of a key list, which is shown first if it is not. */
export async function filter(page: Page, name: string): Promise<Locator> {
  const control = page.locator('.filters').getByLabel(name, { exact: true });
  if (!(await control.isVisible())) {
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await page.getByRole('menuitem', { name, exact: true }).click();
    await expect(control).toBeFocused();
  }
  return control;
}

/** Opens the section of limits in the dialog of a key, if it is closed. */
export async function openLimits(page: Page): Promise<void> {
  const section = page.getByRole('dialog').locator('details').filter({ has: page.getByText('Limits', { exact: true }) });
  if ((await section.getAttribute('open')) === null) {
    await section.getByText('Limits', { exact: true }).click();
  }
  await expect(section.getByRole('button', { name: 'Add rate limit', exact: true })).toBeVisible();
}

/** Opens the section of models in the dialog of a key, if it is closed. Returns it. */
export async function openModels(page: Page): Promise<Locator> {
  const section = page.getByRole('dialog').locator('details').filter({ has: page.locator('summary', { hasText: /^Models/ }) });
  if ((await section.getAttribute('open')) === null) {
    await section.locator('summary').click();
  }
  await expect(section.getByLabel('Budget', { exact: true })).toBeVisible();
  return section;
}

/** Answers tests of credentials, which would call the real provider. */
export async function mockCredentialTest(page: Page, outcome: 'works' | 'refused' | 'unchecked', detail = ''): Promise<void> {
  await page.route('**/fn/credentials/test*', (route) => route.fulfill({ json: { tested: { at: Date.now(), outcome }, detail } }));
}

/** All rows except the header. */
export function rows(page: Page): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('cell') });
}

/** Creates an agent key through the page. Returns its secret; the pop-up stays open. */
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
  // The first one is beside the secret; code that is shown after copying has one too.
  await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).first().click();
  await expect(page.getByText('Copied', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
}

// All WCAG 2.2 A and AA, best-practice and experimental rules: more than the default set of axe.
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice', 'experimental'];

/** Checks the current page with axe. `state` identifies it in the failure message. */
export async function axe(page: Page, state: string): Promise<void> {
  // An element that is fading in has too little contrast.
  await page.evaluate(async () => {
    // Those that follow a scroll position end only there, those of hidden elements never.
    const isVisible = ({ effect }: Animation) => effect instanceof KeyframeEffect && effect.target?.checkVisibility();
    const timed = document.getAnimations().filter((each) => each.timeline === document.timeline && isVisible(each));
    const finite = timed.filter((each) => each.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(finite.map((animation) => animation.finished));
  });
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const messages = violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map((node) => `${id} (${impact}): ${help}\n  ${node.target.join(' ')}\n  ${node.html}\n  ${node.failureSummary}`),
  );
  expect(messages.join('\n\n'), `axe at: ${state}`).toBe('');
}

/** Expects no horizontal scrolling of the page. */
export async function expectFitsWidth(page: Page): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, 'horizontal overflow in pixels').toBeLessThanOrEqual(0);
}
