//! The connections to one server, or to all primaries of a cluster, until the first of them is lost.
//!
//! Each primary has two connections: one for commands, shared by all that goes on, and one for what
//! the server pushes. No command is sent twice after a lost connection: whether the first one was
//! executed is not known. A command that the server has refused unexecuted, because another primary
//! has its slot, goes there.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join, join_all, try_join_all};
use kipo_topic::{Durability, engine::Link};
use redis::{Cmd, PushInfo, PushKind, RedisError, Value, aio::MultiplexedConnection, cmd};
use tokio::sync::watch;

use crate::{
    address::Address,
    connection::{self, COMMAND_TIMEOUT, connect},
    error::ConnectError,
    failure::Failure,
    names::slot,
    options::Options,
    reply,
    scripts::Script,
    slots::primaries,
    survey::Survey,
};

/// How often each connection is checked.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How long a check may take: a server or a network that is silent for longer counts as lost.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The version of our keys, and what the key of the id begins with.
const FORM: &str = "kipo-redis 1 ";

/// Takes what is published on a channel. It must not block.
pub(crate) type OnMessage = Arc<dyn Fn(&str, &[u8]) + Send + Sync>;

/// Connections that are all usable.
pub(crate) struct Session {
    nodes: Vec<Node>,
    /// Which primary has a slot: ranges with their last slot, in order. Empty without a cluster.
    ranges: Vec<(u16, usize)>,
    loss: Arc<Loss>,
    /// The id of the contents.
    pub(crate) id: u64,
    pub(crate) durability: Durability,
    /// What the servers are, in one line.
    pub(crate) summary: String,
}

struct Node {
    host: String,
    port: u16,
    commands: MultiplexedConnection,
    pushes: MultiplexedConnection,
    /// Answers to our own unsubscribing that are still to come.
    unsubscribing: Arc<AtomicUsize>,
}

/// Why a session ended, once it has.
struct Loss {
    cause: watch::Sender<Option<Arc<str>>>,
    link: watch::Sender<Link>,
}

impl Loss {
    fn report(&self, cause: &str) {
        self.cause.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                *known = Some(cause.into());
                self.link.send_replace(Link::Down);
            }
            is_first
        });
    }
}

impl Session {
    /// Connects, and checks what the servers do. `seeds` are tried in order; `id` is stored as the
    /// id of the contents if there is none.
    pub(crate) async fn open(
        address: &Address,
        options: &Options,
        seeds: &[(String, u16)],
        id: u64,
        link: watch::Sender<Link>,
        on_message: OnMessage,
    ) -> Result<Self, ConnectError> {
        let loss = Arc::new(Loss { cause: watch::Sender::new(None), link });
        let mut refusal = None;
        for (host, port) in seeds {
            match Box::pin(Self::open_at(address, options, (host, *port), id, &loss, &on_message))
                .await
            {
                Ok(session) => return Ok(session),
                Err(error) => {
                    refusal.get_or_insert(error);
                }
            }
        }
        Err(refusal.unwrap_or_else(|| ConnectError::new("there is no server to connect to")))
    }

    async fn open_at(
        address: &Address,
        options: &Options,
        (host, port): (&str, u16),
        id: u64,
        loss: &Arc<Loss>,
        on_message: &OnMessage,
    ) -> Result<Self, ConnectError> {
        let first = connect(address, host, port, None).await?;
        let survey = connection::survey(address, options, host, port, &first).await?;
        let (nodes, ranges, surveys) = if survey.is_cluster {
            if address.db() != 0 {
                return Err(ConnectError::new(format!(
                    "{} is a cluster, which has database 0 only: remove the number from the address",
                    address.name
                )));
            }
            let (primaries, ranges) = primaries(address, host, &first).await?;
            let open = primaries.iter().map(|(host, port)| async move {
                let commands = connect(address, host, *port, None).await?;
                let survey = connection::survey(address, options, host, *port, &commands).await?;
                let node = Node::open(address, host, *port, commands, loss, on_message).await?;
                Ok::<_, ConnectError>((node, survey))
            });
            let (nodes, surveys): (Vec<_>, Vec<_>) = try_join_all(open).await?.into_iter().unzip();
            (nodes, ranges, surveys)
        } else {
            let node = Node::open(address, host, port, first, loss, on_message).await?;
            (vec![node], Vec::new(), vec![survey])
        };
        let durability = surveys.iter().map(Survey::durability).min();
        let weakest = surveys.iter().min_by_key(|survey| survey.durability());
        let cluster = match nodes.len() {
            _ if ranges.is_empty() => String::new(),
            count => format!("cluster of {count} primaries, "),
        };
        let summary = weakest.map(|weakest| format!("{cluster}{weakest}")).unwrap_or_default();
        let mut session = Self {
            nodes,
            ranges,
            loss: Arc::clone(loss),
            id,
            durability: durability.unwrap_or(Durability::Memory),
            summary,
        };
        session.check_permissions(address).await?;
        session.id = session.contents(address, id).await?;
        Ok(session)
    }

    /// Checks that this user may publish and subscribe: the script that appends does not report it.
    async fn check_permissions(&self, address: &Address) -> Result<(), ConnectError> {
        let channel = address.names.channel("check");
        let may_publish = self.command(slot(&channel), cmd("SPUBLISH").arg(&channel).arg("")).await;
        let result = match may_publish {
            Ok(_) => {
                let subscribed = self.subscribe(std::slice::from_ref(&channel), &[]).await;
                match subscribed {
                    Ok(()) => self.subscribe(&[], std::slice::from_ref(&channel)).await,
                    refused => refused,
                }
            }
            Err(failure) => Err(failure),
        };
        result.map_err(|failure| {
            let prefix = address.names.prefix();
            ConnectError::new(format!(
                "{} does not let this user publish and subscribe ({failure}): grant it the keys \
                 `~{prefix}:*` and the channels `&{prefix}:*`",
                address.name
            ))
        })
    }

    /// Returns the id of the contents, and stores `id` as it if there is none.
    async fn contents(&self, address: &Address, id: u64) -> Result<u64, ConnectError> {
        let key = address.names.id();
        let foreign = || {
            ConnectError::new(format!(
                "the key `{key}` of {} was written by another application: choose another prefix \
                 (`?prefix=…`)",
                address.name
            ))
        };
        let set = cmd("SET").arg(&key).arg(format!("{FORM}{id:016x}")).arg("NX").to_owned();
        let answers = async {
            self.command(slot(&key), &set).await?;
            self.command(slot(&key), cmd("GET").arg(&key)).await
        };
        let value = answers.await.map_err(|failure| {
            if failure.is_wrong_type() {
                return foreign();
            }
            ConnectError::new(format!(
                "{} does not store what it is sent ({failure})",
                address.name
            ))
        })?;
        let text = reply::text(value).ok_or_else(foreign)?;
        let digits = text.strip_prefix(FORM).ok_or_else(foreign)?;
        u64::from_str_radix(digits, 16).map_err(|_| foreign())
    }

    /// Reports the engine as up, if no connection was lost meanwhile.
    pub(crate) fn announce(&self) {
        self.loss.cause.send_if_modified(|cause| {
            // Under the lock of the cause, so that a loss comes before this or after it.
            if cause.is_none() {
                self.loss.link.send_replace(Link::Up);
            }
            false
        });
    }

    /// Returns where the servers are, to connect again.
    pub(crate) fn addresses(&self) -> Vec<(String, u16)> {
        self.nodes.iter().map(|node| (node.host.clone(), node.port)).collect()
    }

    /// Waits until a connection is lost or a server is silent, and returns the cause. `id_key` is
    /// the key of the id of the contents: the session ends as well if they are others.
    pub(crate) async fn watch(&self, id_key: &str) -> Arc<str> {
        let mut cause = self.loss.cause.subscribe();
        let check = async {
            loop {
                tokio::time::sleep(CHECK_EVERY).await;
                self.check(id_key).await;
            }
        };
        tokio::select! {
            lost = cause.wait_for(Option::is_some) => {
                lost.ok().and_then(|cause| cause.clone()).unwrap_or_default()
            }
            () = check => unreachable!("the checks have no end"),
        }
    }

    async fn check(&self, id_key: &str) {
        let pings = self.nodes.iter().map(|node| async {
            let (mut commands, mut pushes) = (node.commands.clone(), node.pushes.clone());
            let ping = cmd("PING");
            let pings =
                join(commands.send_packed_command(&ping), pushes.send_packed_command(&ping));
            match tokio::time::timeout(CHECK_TIMEOUT, pings).await {
                Ok((Ok(_), Ok(_))) => {}
                Ok((Err(error), _) | (_, Err(error))) => self.loss.report(&error.to_string()),
                Err(_) => self.loss.report("the server does not answer"),
            }
        });
        join_all(pings).await;
        let id = self.command(slot(id_key), cmd("GET").arg(id_key)).await;
        if let Ok(id) = id
            && reply::text(id).as_deref() != Some(&*format!("{FORM}{:016x}", self.id))
        {
            self.loss.report("the contents of the server are gone or others");
        }
    }

    /// Returns the answer of the server that has a slot to a command.
    pub(crate) async fn command(&self, slot: u16, command: &Cmd) -> Result<Value, Failure> {
        match self.send(self.node_of(slot), command).await {
            Err(failure) if failure.code == "MOVED" || failure.code == "ASK" => {
                // The connections are made anew for another division of the slots.
                if failure.code == "MOVED" {
                    self.loss.report("a slot of the cluster has moved");
                }
                let target = failure.text.rsplit(' ').next().and_then(|to| to.rsplit_once(':'));
                let node = target.and_then(|(host, port)| {
                    let port: u16 = port.parse().ok()?;
                    self.nodes.iter().find(|node| node.host == host && node.port == port)
                });
                match node {
                    Some(node) if failure.code == "ASK" => self.send_asking(node, command).await,
                    Some(node) => self.send(node, command).await,
                    None => Err(failure),
                }
            }
            result => result,
        }
    }

    /// Returns the answers to commands, each for a slot, in their order.
    pub(crate) async fn commands(&self, commands: &[(u16, Cmd)]) -> Result<Vec<Value>, Failure> {
        let mut by_node: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, (slot, _)) in commands.iter().enumerate() {
            by_node.entry(self.index_of(*slot)).or_default().push(index);
        }
        let mut answers = vec![Value::Nil; commands.len()];
        let sent = by_node.iter().map(|(node, indices)| async move {
            let node = &self.nodes[*node];
            let mut pipe = redis::pipe();
            for index in indices {
                pipe.add_command(commands[*index].1.clone());
            }
            let mut connection = node.commands.clone();
            let values = connection.send_packed_commands(&pipe, 0, indices.len()).await;
            values.map_err(|error| self.failed(&error))
        });
        let sent = try_join_all(sent).await?;
        for ((_, indices), values) in by_node.iter().zip(sent) {
            for (index, value) in indices.iter().zip(values) {
                answers[*index] = match value {
                    Value::ServerError(_) => {
                        let (slot, command) = &commands[*index];
                        self.command(*slot, command).await?
                    }
                    value => value,
                };
            }
        }
        Ok(answers)
    }

    /// Runs a script on keys of one slot.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Failure> {
        let slot = slot(keys[0]);
        let build = |name: &str, script: &str| {
            let mut command = cmd(name);
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.command(slot, &build("EVALSHA", &script.hash)).await {
            Err(failure) if failure.code == "NOSCRIPT" => {
                self.command(slot, &build("EVAL", &script.code)).await
            }
            result => result,
        }
    }

    /// Subscribes to some channels, and ends it for others, on the connections for what the servers
    /// push.
    pub(crate) async fn subscribe(&self, add: &[String], end: &[String]) -> Result<(), Failure> {
        let mut by_node: HashMap<usize, (redis::Pipeline, usize, usize)> = HashMap::new();
        for (name, channels, ends) in [("SUNSUBSCRIBE", end, 1), ("SSUBSCRIBE", add, 0)] {
            for channel in channels {
                let (pipe, count, ended) = by_node.entry(self.index_of(slot(channel))).or_default();
                pipe.cmd(name).arg(channel);
                (*count, *ended) = (*count + 1, *ended + ends);
            }
        }
        for (node, (pipe, count, ended)) in by_node {
            let node = &self.nodes[node];
            node.unsubscribing.fetch_add(ended, Ordering::Relaxed);
            let mut pushes = node.pushes.clone();
            let values = pushes.send_packed_commands(&pipe, 0, count).await;
            let values = values.map_err(|error| self.failed(&error))?;
            for value in values {
                if let Value::ServerError(error) = value {
                    let error = self.failed(&RedisError::from(error));
                    if error.code == "MOVED" {
                        self.loss.report("a slot of the cluster has moved");
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn send(&self, node: &Node, command: &Cmd) -> Result<Value, Failure> {
        let mut connection = node.commands.clone();
        let answer = connection.send_packed_command(command).await;
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| self.failed(&error))
    }

    async fn send_asking(&self, node: &Node, command: &Cmd) -> Result<Value, Failure> {
        let mut pipe = redis::pipe();
        pipe.cmd("ASKING").add_command(command.clone());
        let mut connection = node.commands.clone();
        let answers = connection.send_packed_commands(&pipe, 1, 1).await;
        let answer = answers.map(|mut answers| answers.pop().unwrap_or(Value::Nil));
        answer.and_then(Value::extract_error).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &RedisError) -> Failure {
        if error.is_unrecoverable_error() {
            self.loss.report(&error.to_string());
        }
        if error.is_timeout() {
            return Failure::new(format!("no answer within {} s", COMMAND_TIMEOUT.as_secs()));
        }
        Failure::from(error)
    }

    fn node_of(&self, slot: u16) -> &Node {
        &self.nodes[self.index_of(slot)]
    }

    fn index_of(&self, slot: u16) -> usize {
        let range = self.ranges.partition_point(|(last, _)| *last < slot);
        self.ranges.get(range).map_or(0, |(_, node)| *node)
    }
}

impl Node {
    async fn open(
        address: &Address,
        host: &str,
        port: u16,
        commands: MultiplexedConnection,
        loss: &Arc<Loss>,
        on_message: &OnMessage,
    ) -> Result<Self, ConnectError> {
        let unsubscribing = Arc::new(AtomicUsize::new(0));
        let (loss, on_message) = (Arc::clone(loss), Arc::clone(on_message));
        let ended = Arc::clone(&unsubscribing);
        let on_push = move |push: PushInfo| -> Result<(), redis::aio::SendError> {
            match push.kind {
                PushKind::SMessage => {
                    if let [channel, payload] = &*push.data
                        && let (Value::BulkString(channel), Value::BulkString(payload)) =
                            (channel, payload)
                        && let Ok(channel) = std::str::from_utf8(channel)
                    {
                        on_message(channel, payload);
                    }
                }
                PushKind::SUnsubscribe => {
                    let was_asked = ended
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                    if was_asked.is_err() {
                        loss.report("a slot of the cluster has moved");
                    }
                }
                PushKind::Disconnection => loss.report("the connection was closed"),
                _ => {}
            }
            Ok(())
        };
        let pushes = connect(address, host, port, Some(Box::new(on_push))).await?;
        Ok(Self { host: host.to_owned(), port, commands, pushes, unsubscribing })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("nodes", &self.addresses()).finish_non_exhaustive()
    }
}
