/**
 * fast-check, with the same cases every time: a red test is about the change that made it red. What they have not tried yet is
 * looked for with other seeds: `SEED=$RANDOM npm run test:unit`.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 1) });

export { fc };
