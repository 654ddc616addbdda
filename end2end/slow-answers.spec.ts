// Slow responses: a dialog stays open until its response arrives, and leaving the page loses no secret.

import type { Page } from '@playwright/test';
import { axe, call, copyAndClose, expect, open, row, secret, test, waitForPage } from './fixtures';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const popUp = (page: Page) => page.getByRole('dialog', { name: 'Copy your new key' });

/** Holds back the responses of a server function. Returns a function that releases them. */
async function holdResponses(page: Page, path: string): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route(`**/fn/${path}*`, async (route) => {
    const response = await route.fetch();
    await released;
    await route.fulfill({ response });
  });
  return release;
}

async function submitAgentKey(page: Page, name: string): Promise<void> {
  await button(page, 'Create API Key').click();
  await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
  await page.getByLabel('API Key Name').fill(name);
  await button(page, 'Save').click();
}

test.describe('a slow response', { tag: '@once' }, () => {
  test('keeps its dialog open', async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    const release = await holdResponses(page, 'keys/create');
    await submitAgentKey(page, 'nightly-build');
    const dialog = page.getByRole('dialog', { name: 'Create Agent API Key' });
    await expect(dialog).toHaveAttribute('aria-busy', 'true');
    await expect(button(page, 'Cancel')).toBeDisabled();
    await expect(button(page, 'Close')).toBeDisabled();
    for (let presses = 0; presses < 5; presses += 1) {
      await page.keyboard.press('Escape');
    }
    await page.mouse.click(4, 4);
    await expect(dialog).toBeVisible();
    await axe(page, 'a dialog that waits for its response');
    release();
    await expect(secret(page)).toBeVisible();
    await expect(dialog).toHaveCount(0);
    await copyAndClose(page);
    await expect(row(page, 'nightly-build')).toBeVisible();
  });

  test('shows a new secret after leaving the page', async ({ page, owner: _ }) => {
    await open(page, '/profile');
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await waitForPage(page, '/keys/internal');
    let release = await holdResponses(page, 'keys/create');
    await button(page, 'Create').click();
    await page.getByLabel('Name', { exact: true }).fill('gateway');
    await button(page, 'Submit').click();
    await expect(button(page, 'Cancel')).toBeDisabled();
    await page.goBack();
    await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible();
    release();
    await expect(popUp(page)).toContainText('gateway');
    await expect(popUp(page).getByText(/^lki_\w+$/)).toBeVisible();
    await copyAndClose(page);
    await page.unrouteAll();

    await page.goForward();
    await waitForPage(page, '/keys/internal');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await waitForPage(page, '/keys/agent');
    release = await holdResponses(page, 'keys/create');
    await submitAgentKey(page, 'nightly-build');
    await expect(button(page, 'Cancel')).toBeDisabled();
    await page.goBack();
    await waitForPage(page, '/keys/internal');
    release();
    await expect(secret(page)).toBeVisible();
    await copyAndClose(page);
  });

  test('shows a rotated secret after leaving the page', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/profile');
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    const release = await holdResponses(page, 'keys/rotate');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Rotate…' }).click();
    await button(page, 'Rotate').click();
    await expect(button(page, 'Cancel')).toBeDisabled();
    await page.goBack();
    await waitForPage(page, '/keys/internal');
    release();
    await expect(secret(page)).toBeVisible();
    await copyAndClose(page);
  });

  test('of a row action arrives on another tab', async ({ page, server, internalKey }) => {
    await server.addKey(internalKey, 'nightly-build');
    await open(page, '/keys/agent');
    const release = await holdResponses(page, 'keys/bulk');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await page.getByRole('tab', { name: 'Client' }).click();
    await waitForPage(page, '/keys/client');
    release();
    await expect(page.getByText('Key disabled')).toBeVisible();
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(row(page, 'nightly-build').getByText('Disabled', { exact: true })).toBeVisible();
  });

  test('of the list keeps the rows that are selected meanwhile', async ({ page, server, owner, internalKey }) => {
    server.addManyKeys(owner, 4);
    const checkbox = (number: number) => page.getByRole('checkbox', { name: `Select key 00000${number}`, exact: true });
    const status = (text: string) => page.getByText(text, { exact: true });
    const list = page.getByRole('table', { name: 'Agent API Key' });
    await open(page, '/keys/agent');
    const run = (action: string) => page.getByRole('group', { name: 'Selected keys' }).getByRole('button', { name: action }).click();

    await test.step('while the action runs', async () => {
      await checkbox(1).click();
      const release = await holdResponses(page, 'keys/bulk');
      await run('Disable');
      await checkbox(2).click();
      await expect(status('2 selected')).toBeVisible();
      release();
      await expect(row(page, 'key 000001').getByText('Disabled', { exact: true })).toBeVisible();
      await expect(status('1 selected')).toBeVisible();
      await expect(checkbox(1)).not.toBeChecked();
      await expect(checkbox(2)).toBeChecked();
      await page.unrouteAll();
    });

    await test.step('while the list is read again after it', async () => {
      const release = await holdResponses(page, 'keys/open');
      await run('Disable');
      await expect(row(page, 'key 000002').getByText('Disabled', { exact: true })).toBeVisible();
      await page.getByRole('checkbox', { name: 'Select all' }).click();
      await expect(status('All 4 selected')).toBeVisible();
      await expect(list).toHaveAttribute('aria-busy', 'true');
      release();
      await expect(list).not.toHaveAttribute('aria-busy');
      await expect(status('All 4 selected')).toBeVisible();
      await expect(checkbox(3)).toBeChecked();
      await page.unrouteAll();
    });

    await test.step('but not rows that are gone', async () => {
      const { key } = await server.addKey(internalKey, 'deleted elsewhere');
      await button(page, 'Reload').click();
      await page.getByRole('checkbox', { name: 'Select deleted elsewhere' }).click();
      await expect(status('All 5 selected')).toBeVisible();
      await call(page, server, 'keys/bulk', { action: 'delete', ids: [key.id] });
      await button(page, 'Reload').click();
      await expect(row(page, 'deleted elsewhere')).toHaveCount(0);
      await expect(status('All 4 selected')).toBeVisible();
    });

    await test.step('nor rows of a list with other filters', async () => {
      await button(page, 'Clear selection').click();
      const release = await holdResponses(page, 'keys/open');
      await page.getByRole('searchbox').fill('000001');
      await expect(list).toHaveAttribute('aria-busy', 'true');
      await checkbox(3).click();
      await expect(status('1 selected')).toBeVisible();
      release();
      await expect(row(page, 'key 000003')).toHaveCount(0);
      await expect(status('1 selected')).toHaveCount(0);
    });
  });

  test('of the list keeps the row to which a key has moved', async ({ page, server, owner }) => {
    server.addManyKeys(owner, 300);
    await open(page, '/keys/agent');
    const release = await holdResponses(page, 'keys/open');
    await page.getByRole('columnheader', { name: 'Key Name' }).getByRole('button').press('Enter');
    const list = page.getByRole('table', { name: 'Agent API Key' });
    await expect(list).toHaveAttribute('aria-busy', 'true');
    await page.keyboard.press('End');
    const last = page.locator('[aria-rowindex="301"]');
    await expect(last).toBeFocused();
    release();
    await expect(list).not.toHaveAttribute('aria-busy');
    await expect(row(page, 'key 000300')).toBeInViewport({ ratio: 0.99 });
    await expect(last).toBeFocused();
  });

  test('shows an invitation link after leaving the page', async ({ page, owner: _ }) => {
    await open(page, '/settings/members');
    let release = await holdResponses(page, 'invitations/create');
    await button(page, 'Invite').click();
    await page.getByLabel('Email').fill('grace@example.com');
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog', { name: 'Invite a member' })).toBeVisible();
    release();
    const link = page.getByRole('textbox', { name: 'Invitation link' });
    await expect(link).toHaveText(/\/join#/);
    const first = await link.textContent();
    await copyAndClose(page);

    release = await holdResponses(page, 'invitations/renew');
    await row(page, 'grace@example.com').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'New link' }).click();
    await page.getByRole('tab', { name: 'Roles' }).click();
    await waitForPage(page, '/settings/roles');
    release();
    await expect(link).toHaveText(/\/join#/);
    expect(await link.textContent()).not.toBe(first);
    await copyAndClose(page);
  });
});

test.describe('a rejected action', { tag: '@once' }, () => {
  test.use({ expectedErrors: [409] });

  test('shows its error and no success message', async ({ page, server, owner }) => {
    const creator = server.addUser('member', owner.organization, 'Grace Hopper');
    await server.addKey(server.createInternalKey(creator), 'nightly-build');
    server.sql(`
      update api_keys set disabled_at = 1 where name = 'nightly-build';
      update users set disabled_at = 1 where email = '${creator.email}'`);
    await open(page, '/keys/agent');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Enable' }).click();
    await expect(page.getByText("The key's owner is disabled.")).toBeVisible();
    await expect(row(page, 'nightly-build').getByText('Disabled', { exact: true })).toBeVisible();
    await expect(page.getByText('Key enabled')).toHaveCount(0);
  });
});
