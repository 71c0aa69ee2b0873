//! stub
use crate::domain::facts::Facts; use crate::domain::memory::Memory; use crate::domain::verdict::Verdict;
pub enum Need { Explain{shard:u32}, Health, License, Ilm, Other }
pub fn judge(_f:&Facts,_m:Option<&Memory>)->Verdict{ loop {} }
pub fn lag(_f:&Facts)->Option<i64>{None}
pub fn needs(_f:&Facts)->Vec<Need>{Vec::new()}
