// What this phone keeps, in IndexedDB: never a key, which the phone itself keeps.
//
// `phone`: what it is bound to, with its device token.  `offer`: a pairing or transfer that is
// under way.  `language`, `seen`: what its holder chose, and has seen.

const DATABASE = "phone";
const STORE = "kept";

let opened;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      // iOS closes databases of apps that it puts aside: the next use opens it anew.
      opening.result.onclose = () => { opened = undefined; };
      resolve(opening.result);
    };
  });
  return opened;
}

async function transact(mode, use) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(STORE, mode, { durability: "strict" });
    let result;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
    use(transaction.objectStore(STORE), (value) => { result = value; });
  });
}

/** Read what is kept under a name, or `undefined`. */
export const read = (name) => transact("readonly", (store, done) => {
  const reading = store.get(name);
  reading.onsuccess = () => done(reading.result);
});

/** Keep a value; `undefined` forgets it. */
export const write = (name, value) => change(name, () => value);

/** Replace a value by what `make` makes of it, in one step; returns the new one. */
export const change = (name, make) => transact("readwrite", (store, done) => {
  const reading = store.get(name);
  reading.onsuccess = () => {
    const made = make(reading.result);
    if (made === undefined) store.delete(name);
    else store.put(made, name);
    done(made);
  };
});
