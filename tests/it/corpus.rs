//! The corpus: evidence files with the right verdict, most of them made here from scenarios, the
//! rest taken from the recordings and from the sandbox under faults. **Labels come from the contract, `measured.md` and the
//! scenario, never from the judge**; `UPDATE_CORPUS=1 cargo test --test it corpus::` writes files
//! and labels, and every other run reads what is committed.

mod between;
mod bytes;
mod damage;
mod exceptions;
mod faulted;
mod follower;
mod hostile;
mod keep;
mod labels;
mod leader;
mod lost;
mod matrix;
mod pairs;
mod rebuilt;
mod restore;
mod taken;
mod tasks;
mod vary;
mod verdicts;
mod world;

/// Every file that is made, in the order of its name.
fn made() -> Vec<world::Entry> {
    let mut shelf = labels::Shelf::default();
    lost::add(&mut shelf);
    leader::add(&mut shelf);
    follower::add(&mut shelf);
    follower::add_unseen(&mut shelf);
    between::add(&mut shelf);
    restore::add(&mut shelf);
    tasks::add(&mut shelf);
    hostile::add(&mut shelf);
    taken::add(&mut shelf);
    faulted::add(&mut shelf);
    let mut entries = shelf.0;
    entries.sort_by(|one, other| one.file.cmp(&other.file));
    entries
}
