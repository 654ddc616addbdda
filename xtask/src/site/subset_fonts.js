// Reduces a font to characters, layout features and weights. Run in the folder of the packages: `node -e … <font> <text> <features> <output>`.
const { readFileSync, writeFileSync } = require('node:fs');
const subset = require('subset-font');

const [font, text, features, output] = process.argv.slice(1);
const options = { targetFormat: 'woff2', variationAxes: { wght: { min: 400, max: 600 } }, keepFeatures: features.split(','), noHinting: true };
subset(readFileSync(font), text, options).then(
  (bytes) => writeFileSync(output, bytes),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
