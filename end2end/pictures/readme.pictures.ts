// The screenshots of the README: `cargo xtask pictures --only readme` writes them into docs/.

import { open } from '../fixtures';
import { expect, test } from './pictures';

const SCREENSHOTS = [
  { name: 'keys', path: '/keys/agent?sort=name', first: 'row' },
  { name: 'project', path: '/projects/:id/keys', first: 'article' },
] as const;

for (const { name, path, first } of SCREENSHOTS) {
  test(name, { tag: '@readme' }, async ({ page, enter }) => {
    const { projects } = await enter('typical');
    await open(page, path.replace(':id', projects[0]));
    await expect(page.getByRole(first).first()).toBeVisible();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `../docs/${name}-${colorScheme}.png`, animations: 'disabled' });
    }
  });
}
