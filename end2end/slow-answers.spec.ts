// Answers that take their time: nobody leaves a dialog before its answer is there, and a page that was left loses nothing.

import type { Page } from '@playwright/test';
import { arrived, axe, copyAndClose, expect, open, row, secret, test } from './fixtures';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const popUp = (page: Page) => page.getByRole('dialog', { name: 'Copy your new key' });

/** Holds back the answers of a call. Answers what lets them go. */
async function hold(page: Page, call: string): Promise<() => void> {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route(`**/fn/${call}*`, async (route) => {
    const response = await route.fetch();
    await held;
    await route.fulfill({ response });
  });
  return letGo;
}

async function sendAgentKey(page: Page, name: string): Promise<void> {
  await button(page, 'Create API Key').click();
  await page.getByRole('menuitem', { name: 'Agent API Key' }).click();
  await page.getByLabel('API Key Name').fill(name);
  await button(page, 'Save').click();
}

test.describe('an answer that takes its time', { tag: '@once' }, () => {
  test('keeps its dialog open, whatever one tries', async ({ page, owner: _ }) => {
    await open(page, '/keys/agent');
    const letGo = await hold(page, 'keys/create');
    await sendAgentKey(page, 'nightly-build');
    const dialog = page.getByRole('dialog', { name: 'Create Agent API Key' });
    await expect(dialog).toHaveAttribute('aria-busy', 'true');
    await expect(button(page, 'Cancel')).toBeDisabled();
    await expect(button(page, 'Close')).toBeDisabled();
    for (let presses = 0; presses < 5; presses += 1) {
      await page.keyboard.press('Escape');
    }
    await page.mouse.click(4, 4);
    await expect(dialog).toBeVisible();
    await axe(page, 'a dialog whose answer is on its way');
    letGo();
    await expect(secret(page)).toBeVisible();
    await expect(dialog).toHaveCount(0);
    await copyAndClose(page);
    await expect(row(page, 'nightly-build')).toBeVisible();
  });

  test('may come when the page was left: the secret is still shown', async ({ page, owner: _ }) => {
    await open(page, '/profile');
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await arrived(page, '/keys/internal');
    let letGo = await hold(page, 'keys/create');
    await button(page, 'Create').click();
    await page.getByLabel('Name', { exact: true }).fill('gateway');
    await button(page, 'Submit').click();
    await expect(button(page, 'Cancel')).toBeDisabled();
    await page.goBack();
    await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible();
    letGo();
    await expect(popUp(page)).toContainText('gateway');
    await expect(popUp(page).getByText(/^lkp_\w+$/)).toBeVisible();
    await copyAndClose(page);
    await page.unrouteAll();

    await page.goForward();
    await arrived(page, '/keys/internal');
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await arrived(page, '/keys/agent');
    letGo = await hold(page, 'keys/create');
    await sendAgentKey(page, 'nightly-build');
    await expect(button(page, 'Cancel')).toBeDisabled();
    await page.goBack();
    await arrived(page, '/keys/internal');
    letGo();
    await expect(secret(page)).toBeVisible();
    await copyAndClose(page);
  });

  test('may be a rotated secret', async ({ page, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await open(page, '/profile');
    await page.getByRole('link', { name: 'API Keys', exact: true }).click();
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    const letGo = await hold(page, 'keys/rotate');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Rotate…' }).click();
    await button(page, 'Rotate').click();
    await expect(button(page, 'Cancel')).toBeDisabled();
    await page.goBack();
    await arrived(page, '/keys/internal');
    letGo();
    await expect(secret(page)).toBeVisible();
    await copyAndClose(page);
  });

  test('of a row does no harm on another tab', async ({ page, server, platformKey }) => {
    await server.addKey(platformKey, 'nightly-build');
    await open(page, '/keys/agent');
    const letGo = await hold(page, 'keys/act');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    await page.getByRole('tab', { name: 'Client' }).click();
    await arrived(page, '/keys/client');
    letGo();
    await expect(page.getByText('Key disabled')).toBeVisible();
    await page.getByRole('tab', { name: 'Agent API Key' }).click();
    await expect(row(page, 'nightly-build').getByText('Disabled', { exact: true })).toBeVisible();
  });

  test('may be the link of an invitation', async ({ page, owner: _ }) => {
    await open(page, '/settings/members');
    let letGo = await hold(page, 'invitations/create');
    await button(page, 'Invite').click();
    await page.getByLabel('Email').fill('grace@example.com');
    await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog', { name: 'Invite a member' })).toBeVisible();
    letGo();
    const link = page.getByRole('textbox', { name: 'Invitation link' });
    await expect(link).toHaveText(/\/join#/);
    const first = await link.textContent();
    await copyAndClose(page);

    letGo = await hold(page, 'invitations/renew');
    await row(page, 'grace@example.com').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'New link' }).click();
    await page.getByRole('tab', { name: 'Roles' }).click();
    await arrived(page, '/settings/roles');
    letGo();
    await expect(link).toHaveText(/\/join#/);
    expect(await link.textContent()).not.toBe(first);
    await copyAndClose(page);
  });
});

test.describe('a refusal', { tag: '@once' }, () => {
  test.use({ refusals: [409] });

  test('to enable a key is told, and claims no success', async ({ page, server, owner }) => {
    const maker = server.addPerson('member', owner.organization, 'Grace Hopper');
    await server.addKey(server.platformKey(maker), 'nightly-build');
    server.sql(`
      update api_keys set disabled_at = 1 where name = 'nightly-build';
      update users set disabled_at = 1 where email = '${maker.email}'`);
    await open(page, '/keys/agent');
    await row(page, 'nightly-build').getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Enable' }).click();
    await expect(page.getByText("The key's owner is disabled.")).toBeVisible();
    await expect(row(page, 'nightly-build').getByText('Disabled', { exact: true })).toBeVisible();
    await expect(page.getByText('Key enabled')).toHaveCount(0);
  });
});
