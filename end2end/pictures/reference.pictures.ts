// The API reference.

import type { Page } from '@playwright/test';
import { open } from '../fixtures';
import { expect, pageStates, pictures, test } from './pictures';

/** Opens the reference at an operation. */
async function openOperation(page: Page, id: string) {
  await open(page, `/api-reference#${id}`);
  const operation = page.locator(`details[id="${id}"]`);
  await expect(operation.getByRole('button', { name: 'Send', exact: true })).toBeVisible();
  return operation;
}

pictures('api-reference', () => {
  pageStates(() => '/api-reference', { states: ['typical'], data: '**/openapi.json' });

  for (const id of ['createKey', 'verify', 'listKeys']) {
    test(`operation, ${id}`, async ({ page, enter, take }) => {
      await enter('typical');
      const operation = await openOperation(page, id);
      await take(`operation, ${id}`, { prepare: () => operation.scrollIntoViewIfNeeded() });
    });
  }

  test('response', async ({ page, enter, take }) => {
    const { internalKey } = await enter('scratch');
    const operation = await openOperation(page, 'listKeys');
    await operation.getByRole('button', { name: 'Send', exact: true }).click();
    await take('no key');
    await page.getByLabel('Internal key').fill(internalKey);
    await operation.getByRole('button', { name: 'Send', exact: true }).click();
    const response = operation.getByRole('region', { name: 'Response' });
    await expect(response).toBeVisible();
    await take('response', { prepare: () => response.scrollIntoViewIfNeeded() });
  });

  test('confirmation', async ({ page, enter, take }) => {
    const { internalKey } = await enter('scratch');
    const operation = await openOperation(page, 'deleteCorpus');
    await page.getByLabel('Internal key').fill(internalKey);
    await operation.getByLabel('id').fill('1');
    await operation.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(page.getByRole('alertdialog')).toBeVisible();
    await take('confirmation');
  });
});
