//! The names that the declaration of a service needs. The feature `server` has what is behind them.

use std::convert::Infallible;
use std::marker::PhantomData;

/// The context of a call; only a server has one.
#[derive(Debug)]
pub enum CallContext {}

/// The state of a producer; only a server has one.
pub trait ProducerState {}

/// The state of an exchange; only a server has one.
pub trait ExchangeState {}

/// What a producer method returns; only a server makes one.
#[derive(Debug)]
pub struct Producer<S, H = ()>(Infallible, PhantomData<(S, H)>);

/// What an exchange method returns; only a server makes one.
#[derive(Debug)]
pub struct Exchange<S, H = ()>(Infallible, PhantomData<(S, H)>);
