/**
 * The tables of one repository. A step of the list is never changed after a release: a change of the tables is a new step at
 * the end, and an object runs the steps that it has not run, in one transaction.
 */

const MIGRATIONS: readonly (readonly string[])[] = [
  [
    // settled: 1, the registry has confirmed it; 0, a push is under way, or its answer was lost.
    'CREATE TABLE claims (tag TEXT PRIMARY KEY, digest TEXT NOT NULL, settled INTEGER NOT NULL) WITHOUT ROWID',
    'CREATE INDEX claims_by_digest ON claims (digest)',
    // What the registry has for tags that a push claims for another digest, while the end of the push is not known.
    'CREATE TABLE sightings (tag TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID',
    // Pushes under way. One whose answer was lost stays until it is too old to arrive.
    'CREATE TABLE attempts (id TEXT, tag TEXT, started INTEGER NOT NULL, PRIMARY KEY (id, tag)) WITHOUT ROWID',
    'CREATE INDEX attempts_by_tag ON attempts (tag)',
    // Deletes of manifests under way.
    'CREATE TABLE deletions (id TEXT, digest TEXT, started INTEGER NOT NULL, PRIMARY KEY (id, digest)) WITHOUT ROWID',
    'CREATE INDEX deletions_by_digest ON deletions (digest)',
    // Manifests whose children are known; one that is not an index has none.
    'CREATE TABLE manifests (digest TEXT PRIMARY KEY) WITHOUT ROWID',
    'CREATE TABLE children (parent TEXT, child TEXT, PRIMARY KEY (parent, child)) WITHOUT ROWID',
    'CREATE INDEX children_by_child ON children (child)',
  ],
  [
    // state: pending, passed or failed. first_seen: milliseconds since the epoch; null, it is being pushed, and the registry
    // may not have it yet. exempt: 1, it has a subject, so that it is never held back.
    'CREATE TABLE quarantine (digest TEXT PRIMARY KEY, state TEXT NOT NULL, first_seen INTEGER, exempt INTEGER NOT NULL, details TEXT) WITHOUT ROWID',
  ],
  [
    // created, due: milliseconds since the epoch.
    'CREATE TABLE outbox (id TEXT PRIMARY KEY, body TEXT NOT NULL, created INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL) WITHOUT ROWID',
    'CREATE INDEX outbox_by_due ON outbox (due)',
  ],
  [
    // target: a tag, a digest, or the empty text for the repository. forbidden: bits of LOCK.
    'CREATE TABLE locks (target TEXT PRIMARY KEY, forbidden INTEGER NOT NULL) WITHOUT ROWID',
    // When the gate first saw a tag or a manifest, and the tag with this digest: milliseconds since the epoch.
    'CREATE TABLE seen (target TEXT PRIMARY KEY, digest TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL) WITHOUT ROWID',
  ],
]

/** Brings the tables of an object to the newest version. Runs in the object's constructor, before any call. */
export function migrate(storage: DurableObjectStorage): void {
  const { sql } = storage
  storage.transactionSync(() => {
    sql.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)')
    const { version } = sql.exec<{ version: number }>('SELECT ifnull(max(version), 0) AS version FROM migrations').one()
    for (const [index, step] of MIGRATIONS.entries()) {
      if (index < version) continue
      for (const statement of step) sql.exec(statement)
      sql.exec('INSERT INTO migrations (version) VALUES (?)', index + 1)
    }
  })
}
