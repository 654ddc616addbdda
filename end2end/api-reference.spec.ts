// The API reference page, and its form for sending requests.

import type { Locator, Page } from '@playwright/test';
import { authenticate, axe, expect, expectFitsWidth, open, test } from './fixtures';

// Errors that the tests cause on purpose.
test.use({ expectedErrors: [401, 404, 422, 503, 'net::ERR_FAILED'] });

/** An operation, by its OpenAPI id. */
function operation(page: Page, id: string): Locator {
  return page.locator(`details[id="${id}"]`);
}

/** Expands an operation. */
async function expand(page: Page, id: string): Promise<Locator> {
  const section = operation(page, id);
  await section.locator('summary').first().click();
  await expect(section.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  return section;
}

const send = (section: Locator): Promise<void> => section.getByRole('button', { name: 'Send', exact: true }).click();
const status = (section: Locator): Locator => section.locator('.call-line strong');
const responseBody = (section: Locator): Locator => section.getByRole('region', { name: 'Response' });
const sample = (section: Locator, language: string): Locator => section.getByRole('tabpanel', { name: language });
const curl = (section: Locator): Locator => sample(section, 'cURL');

test('shows operations and sends requests', { tag: '@widths' }, async ({ page, context, internalKey, owner }) => {
  await open(page, '/keys/agent');
  await page.getByRole('button', { name: owner.name }).click();
  await page.getByRole('menuitem', { name: 'API reference' }).click();
  await expect(page).toHaveURL('/api-reference');
  await expect(page.getByRole('heading', { name: 'API reference', level: 1 })).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Contents' }).getByRole('link', { name: 'Corpora', exact: true })).toBeVisible();
  await axe(page, 'the reference');
  await expectFitsWidth(page);

  // Nothing is sent without a key.
  const create = await expand(page, 'createCorpus');
  await expect(create).toContainText('Manage Corpora');
  await send(create);
  const key = page.getByLabel('Internal key');
  await expect(key).toBeFocused();
  await expect(key).toHaveAccessibleDescription(/^Enter an internal key/);
  await axe(page, 'the reference, without a key');

  await key.fill('lki_nonsense');
  await send(create);
  await expect(status(create)).toHaveText('401 Unauthorized');
  await expect(responseBody(create)).toContainText('"status": 401');
  await key.fill(internalKey);
  await create.getByLabel('Body').fill('{"name": ""}');
  await send(create);
  await expect(status(create)).toHaveText('422 Unprocessable Content');
  await create.getByLabel('Body').fill(`{"name": "it's a handbook"}`);
  await send(create);
  await expect(status(create)).toHaveText('201 Created');
  const created = JSON.parse((await responseBody(create).textContent()) ?? '');
  expect(created.name).toBe("it's a handbook");
  await axe(page, 'the reference, with a response');
  await expectFitsWidth(page);

  // The curl command is the same request, without the key.
  await expect(curl(create)).toContainText('-X POST');
  await expect(curl(create)).toContainText('$LATCHKEY_API_KEY');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  // The first button copies the code, the second one the response.
  await create.getByRole('button', { name: 'Copy' }).first().click();
  await expect(create.getByText('Copied', { exact: true })).toBeVisible();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toBe((await curl(create).textContent()) ?? '');
  expect(command).not.toContain(internalKey);
  await create.getByRole('button', { name: 'Copy' }).nth(1).click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(await responseBody(create).textContent());
  for (const [language, text] of [
    ['JavaScript', 'await fetch('],
    ['Python', 'urllib.request.Request('],
  ]) {
    await create.getByRole('tab', { name: language }).click();
    await expect(sample(create, language)).toContainText(text);
    await expect(sample(create, language)).toContainText(`it's a handbook`);
    await create.getByLabel('Body').fill(JSON.stringify({ name: `it's a handbook`, key: internalKey }));
    await expect(sample(create, language)).toContainText('LATCHKEY_API_KEY');
    await expect(sample(create, language)).not.toContainText(internalKey);
    await expect(create.getByRole('tab', { name: language }), 'the open tab stays open').toHaveAttribute('aria-selected', 'true');
  }
  const verify = await expand(page, 'verify');
  await verify.getByLabel('Body').fill(JSON.stringify({ key: internalKey }));
  await expect(curl(verify)).toContainText('$LATCHKEY_API_KEY');
  await expect(curl(verify)).not.toContainText(internalKey);

  // A request that deletes something needs confirmation.
  const remove = await expand(page, 'deleteCorpus');
  await send(remove);
  await expect(remove.getByLabel('id')).toBeFocused();
  await expect(remove.getByLabel('id')).toHaveAttribute('aria-invalid', 'true');
  await remove.getByLabel('id').fill(String(created.id));
  await send(remove);
  const confirmation = page.getByRole('alertdialog');
  await expect(confirmation).toContainText(`DELETE /api/v1/corpora/${created.id}`);
  await axe(page, 'the reference, with a confirmation');
  await confirmation.getByRole('button', { name: 'Cancel' }).click();
  await expect(status(remove)).toHaveCount(0);
  await send(remove);
  await confirmation.getByRole('button', { name: 'Send' }).click();
  await expect(status(remove)).toHaveText('204 No Content');
  await expect(remove.getByText('The response has no body.')).toBeVisible();
  await send(remove);
  await confirmation.getByRole('button', { name: 'Send' }).click();
  await expect(status(remove)).toHaveText('404 Not Found');

  // Each kind of key has an example body.
  const createKey = await expand(page, 'createKey');
  const bodies = await createKey.getByLabel('Example').getByRole('option').allTextContents();
  expect(bodies.length).toBeGreaterThan(1);
  for (const body of bodies) {
    const before = await createKey.getByLabel('Body').inputValue();
    await createKey.getByLabel('Example').selectOption(body);
    if (body !== bodies[0]) {
      await expect(createKey.getByLabel('Body')).not.toHaveValue(before);
    }
  }

  const list = await expand(page, 'listKeys');
  await list.getByLabel('kind', { exact: true }).selectOption('agent');
  await list.getByLabel('q', { exact: true }).fill('a & b');
  await expect(curl(list)).toContainText('/api/v1/keys?kind=agent&q=a%20%26%20b');
  await send(list);
  await expect(status(list)).toHaveText('200 OK');
  await expect(responseBody(list)).toContainText('"items": []');
  await expect(responseBody(list), 'the response is scrolled into view').toBeInViewport();

  // The key is kept only in the memory of the page.
  expect(page.url()).not.toContain('lki_');
  expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]))).not.toContain('lki_');
  await page.reload();
  await expect(page.getByLabel('Internal key')).toHaveValue('');
});

test('keeps the key in memory and sends it only to the API', { tag: '@once' }, async ({ page, internalKey, owner: _ }) => {
  const sent: string[] = [];
  page.on('request', (request) => {
    if ((request.headers().authorization ?? '').includes(internalKey)) {
      sent.push(`${request.method()} ${new URL(request.url()).pathname}`);
    }
    expect(request.url()).not.toContain(internalKey);
  });
  await open(page, '/api-reference');
  await page.getByLabel('Internal key').fill(internalKey);
  const health = await expand(page, 'isHealthy');
  await expect(health.getByText('No key required.')).toBeVisible();
  await send(health);
  await expect(status(health)).toHaveText('200 OK');
  await expect(responseBody(health)).toHaveText('ok\n');
  const list = await expand(page, 'listKeys');
  await send(list);
  await expect(status(list)).toHaveText('200 OK');
  expect(sent).toEqual(['GET /api/v1/keys']);
  await page.getByRole('link', { name: 'API Keys', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'API Keys' })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel('Internal key')).toHaveValue('');
});

test('shows load and network errors', { tag: '@once' }, async ({ page, internalKey, owner: _ }) => {
  await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ status: 503, json: {} }));
  await open(page, '/api-reference');
  await expect(page.getByRole('alert')).toContainText('Couldn’t load the API reference.');
  await axe(page, 'the reference, not loaded');
  await page.unrouteAll();
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/v1/openapi.json', async (route) => {
    await released;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Loading' })).toBeVisible();
  await axe(page, 'the reference, loading');
  release();
  await page.getByLabel('Internal key').fill(internalKey);
  const list = await expand(page, 'listKeys');
  await page.route('**/api/v1/keys', (route) => route.abort());
  await send(list);
  await expect(list.getByRole('alert')).toContainText('No response.');
});

test('opens an operation by URL and with the keyboard', { tag: '@once' }, async ({ page, server, context }) => {
  const viewer = server.addUser('viewer', server.addUser().organization);
  await authenticate(context, server, viewer);
  await open(page, '/api-reference#verify');
  const verify = operation(page, 'verify');
  await expect(verify.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  await expect(verify).toBeInViewport();
  await page.getByRole('link', { name: 'Liveness check' }).focus();
  await page.keyboard.press('Enter');
  const health = operation(page, 'isHealthy');
  await expect(health.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  await health.locator('summary').first().focus();
  for (let stops = 0; stops < 10 && !(await health.getByRole('button', { name: 'Send' }).evaluate((element) => element === document.activeElement)); stops += 1) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(status(health)).toHaveText('200 OK');
});

test('describes the fields of a body, and marks what is required', { tag: '@widths' }, async ({ page, owner: _ }) => {
  await open(page, '/api-reference');
  await expect(operation(page, 'verify').locator('summary').first()).toContainText(/POST\s*\/api\/v1\/verify\s*Verify a key\s*verify/);
  const verify = await expand(page, 'verify');
  const field = (name: string) => verify.getByRole('row').filter({ has: page.getByText(name, { exact: true }) });
  await expect(field('key')).toContainText('string');
  await expect(field('key')).toContainText('Required');
  await expect(field('cost')).toContainText('integer');
  await expect(field('cost')).toContainText('Optional');
  await expect(field('cost')).toContainText('1 by default');

  // A body with several forms has a table for each.
  const create = await expand(page, 'createKey');
  await create.getByText('Fields of client').click();
  const client = create.getByRole('group').filter({ hasText: 'Fields of client' });
  await expect(client.getByRole('row').filter({ hasText: 'rate_limits[].duration_ms' })).toContainText('Required');
  await expect(client.getByText('corpora', { exact: true }), 'client keys have none').toHaveCount(0);

  const remove = await expand(page, 'deleteCorpus');
  await expect(remove.getByText('Required', { exact: true })).toBeVisible();
  await expect(remove.getByLabel('id')).toHaveAttribute('aria-required', 'true');
  await axe(page, 'the reference, with fields');
  await expectFitsWidth(page);
});

test('the contents mark the section in view', { tag: '@once' }, async ({ page, owner: _ }) => {
  await open(page, '/api-reference');
  const current = page.getByRole('navigation', { name: 'Contents' }).locator('[aria-current]');
  await expect(current).toHaveCount(1);
  const first = await current.textContent();
  await page.getByRole('heading', { name: 'Corpora', level: 2 }).evaluate((heading) => heading.scrollIntoView());
  await expect(current).toHaveText('Corpora');
  await page.evaluate(() => scrollTo(0, 0));
  await expect(current).toHaveText(first ?? '');
});
