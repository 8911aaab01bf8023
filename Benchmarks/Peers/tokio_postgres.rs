//! The drivers' workloads over tokio-postgres: prepared statements, rows from a stream, futures in
//! one flight for the batch. The runtime has one thread, which is what serves one connection best,
//! and as many threads as there are processors for many connections.
//!
//!     tokio_postgres WORKLOAD URL COUNT
//!     tokio_postgres workloads | version
use futures_util::{future, pin_mut, TryStreamExt};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_openssl::SslStream;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{to_sql_checked, IsNull, ToSql, Type};
use tokio_postgres::{Client, NoTls, Row, Socket, Statement};

type Failure = Box<dyn Error + Send + Sync>;

const WORKLOADS: &[&str] = &[
    "select-one", "select-one-tls", "pg-type", "series", "rows", "rows-tls", "bytes", "arrays",
    "copy-in", "inserts", "sixteen", "connect", "connect-first", "connect-tls",
];
const CONNECTIONS: usize = 16;

/// The clocks of a measurement and the line that it prints.
struct Measurement {
    start: Instant,
    processor: f64,
    times: Vec<u32>,
}

impl Measurement {
    /// Starts the clocks: what must be there before is there.
    fn start() -> Self {
        let times = Vec::with_capacity(65536);
        Measurement { processor: processor_seconds(), times, start: Instant::now() }
    }

    fn note(&mut self, time: Duration) {
        self.times.push(time.as_nanos().min(u32::MAX as u128) as u32);
    }

    fn end(mut self, count: usize, sum: f64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let processor = processor_seconds() - self.processor;
        print!("seconds={seconds:.9} cpu={processor:.6} count={count} sum={sum:.1}");
        print!(" peak={}", peak_kibibytes());
        self.times.sort_unstable();
        if !self.times.is_empty() {
            for percent in [50, 95, 99] {
                let time = self.times[(self.times.len() - 1) * percent / 100];
                print!(" p{percent}={:.3}", time as f64 / 1e3);
            }
        }
        println!();
    }
}

fn peak_kibibytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

fn processor_seconds() -> f64 {
    let mut time = [0; 2];
    // CLOCK_PROCESS_CPUTIME_ID on Linux.
    unsafe { clock_gettime(2, &mut time) };
    time[0] as f64 + time[1] as f64 / 1e9
}

/// TLS that does not look at the certificate, which is what `sslmode=require` means.
#[derive(Clone)]
struct Tls(SslConnector);

struct Encrypted(Pin<Box<SslStream<Socket>>>);

impl Tls {
    /// Made once: it reads the system's authorities.
    fn shared() -> Result<Self, Failure> {
        static SHARED: OnceLock<Tls> = OnceLock::new();
        if let Some(tls) = SHARED.get() {
            return Ok(tls.clone());
        }
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_verify(SslVerifyMode::NONE);
        Ok(SHARED.get_or_init(|| Tls(builder.build())).clone())
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Self;
    type Error = Failure;

    fn make_tls_connect(&mut self, _: &str) -> Result<Self, Failure> {
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted, Failure>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let mut configuration = self.0.configure()?;
            configuration.set_verify_hostname(false);
            let session = configuration.use_server_name_indication(false).into_ssl("")?;
            let mut stream = Box::pin(SslStream::new(session, socket)?);
            stream.as_mut().connect().await?;
            Ok(Encrypted(stream))
        })
    }
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>, context: &mut Context, buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>, context: &mut Context, bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(context)
    }
}

/// A connection; its task ends when the client is dropped.
async fn connect(url: &str) -> Result<(Client, tokio::task::JoinHandle<()>), Failure> {
    if url.contains("sslmode=require") {
        let (client, connection) = tokio_postgres::connect(url, Tls::shared()?).await?;
        Ok((client, tokio::spawn(async move { drop(connection.await) })))
    } else {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        Ok((client, tokio::spawn(async move { drop(connection.await) })))
    }
}

async fn connects(url: &str, count: usize) -> Result<(), Failure> {
    let measurement = Measurement::start();
    for _ in 0..count {
        let (client, task) = connect(url).await?;
        drop(client);
        task.await?;
    }
    measurement.end(count, count as f64);
    Ok(())
}

async fn select_one(url: &str, count: usize) -> Result<(), Failure> {
    let (client, _task) = connect(url).await?;
    let statement = client.prepare("SELECT 1").await?;
    let mut sum = 0.0;
    let mut measurement = Measurement::start();
    for _ in 0..count {
        let start = Instant::now();
        sum += client.query_one(&statement, &[]).await?.get::<_, i32>(0) as f64;
        measurement.note(start.elapsed());
    }
    measurement.end(count, sum);
    Ok(())
}

/// Runs a query `count` times, counts the rows and adds up what `value` makes of each.
async fn repeat(
    url: &str, count: usize, sql: &str, value: impl Fn(&Row) -> f64,
) -> Result<(), Failure> {
    let (client, _task) = connect(url).await?;
    let statement = client.prepare(sql).await?;
    let (mut sum, mut rows) = (0.0, 0);
    let measurement = Measurement::start();
    for _ in 0..count {
        let stream = client.query_raw(&statement, Vec::<i32>::new()).await?;
        pin_mut!(stream);
        while let Some(row) = stream.try_next().await? {
            sum += value(&row);
            rows += 1;
        }
    }
    measurement.end(rows, sum);
    Ok(())
}

fn pg_type(row: &Row) -> f64 {
    let mut sum = row.get::<_, &str>(1).len() as f64 + row.get::<_, i16>(4) as f64;
    for column in [0, 2, 3, 11] {
        sum += row.get::<_, u32>(column) as f64;
    }
    for column in [5, 8, 9] {
        sum += row.get::<_, bool>(column) as u8 as f64;
    }
    for column in [6, 7, 10] {
        sum += row.get::<_, i8>(column) as f64;
    }
    sum
}

fn mixed(row: &Row) -> f64 {
    let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800);
    let moment: SystemTime = row.get(3);
    let seconds = moment.duration_since(epoch).map_or(0, |time| time.as_secs());
    row.get::<_, i32>(0) as f64
        + row.get::<_, &str>(1).len() as f64
        + row.get::<_, f64>(2)
        + (seconds % 1000) as f64
}

fn bytes(row: &Row) -> f64 {
    let value: &[u8] = row.get(0);
    let ends = [value[0], value[value.len() / 2], value[value.len() - 1]];
    value.len() as f64 + ends.iter().map(|byte| *byte as f64).sum::<f64>()
}

fn array(row: &Row) -> f64 {
    row.get::<_, Vec<i32>>(0).iter().map(|number| *number as f64).sum()
}

/// A jsonb parameter whose text is there already.
#[derive(Debug)]
struct Json(String);

impl ToSql for Json {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        // jsonb's version.
        out.extend_from_slice(&[1]);
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::JSONB
    }

    to_sql_checked!();
}

async fn insert(client: &Client, statement: &Statement, number: usize) -> Result<u64, Failure> {
    let (id, name) = (number as i32, format!("name {number}"));
    let document = Json(format!("{{\"number\":{number}}}"));
    Ok(client.execute(statement, &[&id, &name, &document]).await?)
}

async fn inserts(url: &str, count: usize) -> Result<(), Failure> {
    let (client, _task) = connect(url).await?;
    let sql = "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)";
    client.batch_execute(sql).await?;
    let statement = client.prepare("INSERT INTO inserted VALUES ($1, $2, $3)").await?;
    let measurement = Measurement::start();
    client.batch_execute("BEGIN").await?;
    let all = (1..=count).map(|number| insert(&client, &statement, number));
    let affected: u64 = future::try_join_all(all).await?.iter().sum();
    client.batch_execute("COMMIT").await?;
    measurement.end(count, affected as f64);
    Ok(())
}

async fn copy_in(url: &str, count: usize) -> Result<(), Failure> {
    let (client, _task) = connect(url).await?;
    let sql = "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)";
    client.batch_execute(sql).await?;
    let measurement = Measurement::start();
    let sink = client.copy_in("COPY copied FROM STDIN (FORMAT binary)").await?;
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT, Type::FLOAT8]);
    pin_mut!(writer);
    for number in 1..=count {
        let (id, name, score) = (number as i32, format!("name {number}"), number as f64 / 2.0);
        writer.as_mut().write(&[&id, &name, &score]).await?;
    }
    let copied = writer.finish().await?;
    measurement.end(count, copied as f64);
    Ok(())
}

async fn sixteen(url: &str, count: usize) -> Result<(), Failure> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let (client, _task) = connect(url).await?;
        let statement = client.prepare("SELECT 1").await?;
        clients.push((client, statement));
    }
    let measurement = Measurement::start();
    let workers = clients.into_iter().map(|(client, statement)| {
        tokio::spawn(async move {
            let mut sum = 0.0;
            for _ in 0..count / CONNECTIONS {
                sum += client.query_one(&statement, &[]).await?.get::<_, i32>(0) as f64;
            }
            Ok::<f64, Failure>(sum)
        })
    });
    let mut sum = 0.0;
    for worker in workers.collect::<Vec<_>>() {
        sum += worker.await??;
    }
    measurement.end(count, sum);
    Ok(())
}

async fn run(workload: &str, url: &str, count: usize) -> Result<(), Failure> {
    match workload {
        "select-one" | "select-one-tls" => select_one(url, count).await,
        "pg-type" => {
            let sql = "SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, \
                typcategory, typispreferred, typisdefined, typdelim, typrelid \
                FROM pg_type WHERE oid < 10000";
            repeat(url, count, sql, pg_type).await
        }
        "series" => {
            let sql = "SELECT generate_series(1, 1000)";
            repeat(url, count, sql, |row| row.get::<_, i32>(0) as f64).await
        }
        "rows" | "rows-tls" => {
            let sql = format!(
                "SELECT i::int4, 'row ' || i, i::float8 / 2, \
                '2026-01-01Z'::timestamptz + i * interval '1 s' \
                FROM generate_series(1, {count}) AS i"
            );
            repeat(url, 1, &sql, mixed).await
        }
        "bytes" => {
            let sql = "SELECT repeat('x', 1000000)::bytea FROM generate_series(1, 10)";
            repeat(url, count, sql, bytes).await
        }
        "arrays" => {
            let sql = "SELECT array_fill(i, '{100}') FROM generate_series(1, 1000) AS i";
            repeat(url, count, sql, array).await
        }
        "copy-in" => copy_in(url, count).await,
        "inserts" => inserts(url, count).await,
        "sixteen" => sixteen(url, count).await,
        "connect" | "connect-first" | "connect-tls" => connects(url, count).await,
        _ => Err("no such workload".into()),
    }
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["version"] => {
            println!("{}, {}", env!("TOKIO_POSTGRES_VERSION"), env!("RUSTC_VERSION"))
        }
        ["workloads"] => WORKLOADS.iter().for_each(|name| println!("{name}")),
        [workload, url, count] => {
            let mut builder = match workload {
                "sixteen" => tokio::runtime::Builder::new_multi_thread(),
                _ => tokio::runtime::Builder::new_current_thread(),
            };
            builder.enable_all().build()?.block_on(run(workload, url, count.parse()?))?
        }
        _ => return Err("usage: tokio_postgres WORKLOAD URL COUNT | workloads | version".into()),
    }
    Ok(())
}
