/**
 * One seed for all property tests, so that a run can be repeated and a change is never judged by luck:
 * `DOCKGATE_SEED=random` looks elsewhere, any number repeats a run.
 */
import fc from 'fast-check'

const wanted = process.env.DOCKGATE_SEED ?? '20261121'

fc.configureGlobal(wanted === 'random' ? {} : { seed: Number(wanted) })
