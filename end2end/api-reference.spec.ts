// The page that tells the API, and lets one try it.

import type { Locator, Page } from '@playwright/test';
import { admit, axe, expect, fitsWidth, open, test } from './fixtures';

// Calls that are refused on purpose.
test.use({ refusals: [401, 404, 422, 503, 'net::ERR_FAILED'] });

/** An operation, by its name in the description. */
function operation(page: Page, id: string): Locator {
  return page.locator(`details[id="${id}"]`);
}

/** Opens an operation by hand. */
async function unfold(page: Page, id: string): Promise<Locator> {
  const it = operation(page, id);
  await it.locator('summary').first().click();
  await expect(it.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  return it;
}

const send = (it: Locator): Promise<void> => it.getByRole('button', { name: 'Send', exact: true }).click();
const status = (it: Locator): Locator => it.locator('.call-line strong');
const answer = (it: Locator): Locator => it.getByRole('region', { name: 'Response' });
const curl = (it: Locator): Locator => it.getByRole('region', { name: 'curl' });

test('calls are read and tried', { tag: '@widths' }, async ({ page, context, platformKey, owner }) => {
  await open(page, '/keys/agent');
  await page.getByRole('button', { name: owner.name }).click();
  await page.getByRole('menuitem', { name: 'API reference' }).click();
  await expect(page).toHaveURL('/api-reference');
  await expect(page.getByRole('heading', { name: 'API reference', level: 1 })).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Contents' }).getByRole('link', { name: 'Corpora', exact: true })).toBeVisible();
  await axe(page, 'the reference');
  await fitsWidth(page);

  // Without a key nothing is sent.
  const create = await unfold(page, 'createCorpus');
  await expect(create).toContainText('Manage Corpora');
  await send(create);
  const key = page.getByLabel('Internal key');
  await expect(key).toBeFocused();
  await expect(key).toHaveAccessibleDescription(/^Enter an internal key/);
  await axe(page, 'the reference, no key');

  await key.fill('lkp_nonsense');
  await send(create);
  await expect(status(create)).toHaveText('401 Unauthorized');
  await expect(answer(create)).toContainText('"status": 401');
  await key.fill(platformKey);
  await create.getByLabel('Body').fill('{"name": ""}');
  await send(create);
  await expect(status(create)).toHaveText('422 Unprocessable Content');
  await create.getByLabel('Body').fill(`{"name": "it's a handbook"}`);
  await send(create);
  await expect(status(create)).toHaveText('201 Created');
  const made = JSON.parse((await answer(create).textContent()) ?? '');
  expect(made.name).toBe("it's a handbook");
  await axe(page, 'the reference, answered');
  await fitsWidth(page);

  // The line for the shell is the same call, without the key.
  await expect(curl(create)).toContainText('-X POST');
  await expect(curl(create)).toContainText('$LATCHKEY_API_KEY');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await create.getByRole('button', { name: 'Copy' }).click();
  await expect(create.getByText('Copied', { exact: true })).toBeVisible();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  expect(line).toBe((await curl(create).textContent()) ?? '');
  expect(line).not.toContain(platformKey);
  const verify = await unfold(page, 'verify');
  await verify.getByLabel('Body').fill(JSON.stringify({ key: platformKey }));
  await expect(curl(verify)).toContainText('$LATCHKEY_API_KEY');
  await expect(curl(verify)).not.toContainText(platformKey);

  // What takes something away asks first.
  const remove = await unfold(page, 'deleteCorpus');
  await send(remove);
  await expect(remove.getByLabel('id')).toBeFocused();
  await expect(remove.getByLabel('id')).toHaveAttribute('aria-invalid', 'true');
  await remove.getByLabel('id').fill(String(made.id));
  await send(remove);
  const question = page.getByRole('alertdialog');
  await expect(question).toContainText(`DELETE /api/v1/corpora/${made.id}`);
  await axe(page, 'the reference, asking');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(status(remove)).toHaveCount(0);
  await send(remove);
  await question.getByRole('button', { name: 'Send' }).click();
  await expect(status(remove)).toHaveText('204 No Content');
  await expect(remove.getByText('The response has no body.')).toBeVisible();
  await send(remove);
  await question.getByRole('button', { name: 'Send' }).click();
  await expect(status(remove)).toHaveText('404 Not Found');

  // A body for each kind of key.
  const make = await unfold(page, 'createKey');
  const bodies = await make.getByLabel('Example').getByRole('option').allTextContents();
  expect(bodies.length).toBeGreaterThan(1);
  for (const body of bodies) {
    const before = await make.getByLabel('Body').inputValue();
    await make.getByLabel('Example').selectOption(body);
    if (body !== bodies[0]) {
      await expect(make.getByLabel('Body')).not.toHaveValue(before);
    }
  }

  const list = await unfold(page, 'listKeys');
  await list.getByLabel('kind', { exact: true }).fill('agent');
  await list.getByLabel('q', { exact: true }).fill('a & b');
  await expect(curl(list)).toContainText('/api/v1/keys?kind=agent&q=a%20%26%20b');
  await send(list);
  await expect(status(list)).toHaveText('200 OK');
  await expect(answer(list)).toContainText('"items": []');

  // The key was in this page alone.
  expect(page.url()).not.toContain('lkp_');
  expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]))).not.toContain('lkp_');
  await page.reload();
  await expect(page.getByLabel('Internal key')).toHaveValue('');
});

test('the key goes with the page, and to this server alone', { tag: '@once' }, async ({ page, platformKey, owner: _ }) => {
  const sent: string[] = [];
  page.on('request', (request) => {
    if ((request.headers().authorization ?? '').includes(platformKey)) {
      sent.push(`${request.method()} ${new URL(request.url()).pathname}`);
    }
    expect(request.url()).not.toContain(platformKey);
  });
  await open(page, '/api-reference');
  await page.getByLabel('Internal key').fill(platformKey);
  const health = await unfold(page, 'isHealthy');
  await expect(health.getByText('No key required.')).toBeVisible();
  await send(health);
  await expect(status(health)).toHaveText('200 OK');
  await expect(answer(health)).toHaveText('ok\n');
  const list = await unfold(page, 'listKeys');
  await send(list);
  await expect(status(list)).toHaveText('200 OK');
  expect(sent).toEqual(['GET /api/v1/keys']);
  await page.getByRole('link', { name: 'API Keys', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'API Keys' })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel('Internal key')).toHaveValue('');
});

test('what goes wrong on the way is said', { tag: '@once' }, async ({ page, platformKey, owner: _ }) => {
  await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ status: 503, json: {} }));
  await open(page, '/api-reference');
  await expect(page.getByRole('alert')).toContainText('could not be loaded');
  await axe(page, 'the reference, not loaded');
  await page.unrouteAll();
  let go = () => {};
  const released = new Promise<void>((resolve) => (go = resolve));
  await page.route('**/api/v1/openapi.json', async (route) => {
    await released;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Loading' })).toBeVisible();
  await axe(page, 'the reference, loading');
  go();
  await page.getByLabel('Internal key').fill(platformKey);
  const list = await unfold(page, 'listKeys');
  await page.route('**/api/v1/keys', (route) => route.abort());
  await send(list);
  await expect(list.getByRole('alert')).toContainText('No response.');
});

test('an address leads to an operation, and the keyboard is enough', { tag: '@once' }, async ({ page, server, context }) => {
  const viewer = server.addPerson('viewer', server.addPerson().organization);
  await admit(context, server, viewer);
  await open(page, '/api-reference#verify');
  const verify = operation(page, 'verify');
  await expect(verify.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  await expect(verify).toBeInViewport();
  await page.getByRole('link', { name: 'Liveness check' }).focus();
  await page.keyboard.press('Enter');
  const health = operation(page, 'isHealthy');
  await expect(health.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  await health.locator('summary').first().focus();
  for (let stops = 0; stops < 10 && !(await health.getByRole('button', { name: 'Send' }).evaluate((one) => one === document.activeElement)); stops += 1) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(status(health)).toHaveText('200 OK');
});
