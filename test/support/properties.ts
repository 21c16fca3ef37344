/**
 * fast-check, with the same cases every time: a red test is about the change that made it red. Other seeds search
 * cases that were not tried yet: `SEED=$RANDOM npm run test:unit`.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 1) });

export { fc };
