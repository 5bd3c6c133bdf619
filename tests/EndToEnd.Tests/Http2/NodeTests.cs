using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>Node's http2 module as client and server at once.</summary>
public sealed class NodeTests
{
    private const string Server = """
        const http2 = require('http2');
        const server = http2.createServer();
        server.on('stream', (stream, headers) => {
          stream.on('error', () => {});
          stream.on('aborted', () => console.log('aborted ' + headers[':path']));
          if (headers[':path'] === '/hang') { return; }
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'end', 'x-from': String(headers['x-id']) }));
          stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
          stream.respond({ ':status': 200, 'x-cookie': headers.cookie || '', 'set-cookie': ['a=1', 'b=2'] }, { waitForTrailers: true });
          stream.pipe(stream);
        });
        server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
        """;

    private const string Client = """
        const http2 = require('http2'), assert = require('assert');
        const session = http2.connect('http://127.0.0.1:' + process.argv[1], { settings: { initialWindowSize: 70000, enablePush: false } });
        session.on('error', e => { console.log('session ' + e); process.exit(1); });
        const one = (id, size) => new Promise((done, fail) => {
          const sent = Buffer.alloc(size, id % 251), got = [];
          const stream = session.request({ ':method': 'POST', ':path': '/echo', 'x-id': String(id), cookie: ['c=' + id, 'd=2'] }, { endStream: false });
          let head, trailers, early = 0;
          stream.on('headers', h => early += h[':status'] === 103 ? 1 : 0);
          stream.on('response', h => head = h);
          stream.on('trailers', t => trailers = t);
          stream.on('data', d => got.push(d));
          stream.on('error', fail);
          stream.on('end', () => { try {
            assert.ok(Buffer.concat(got).equals(sent));
            assert.strictEqual(trailers['x-from'], String(id));
            assert.strictEqual(head['x-cookie'], 'c=' + id + '; d=2');
            assert.deepStrictEqual(head['set-cookie'], ['a=1', 'b=2']);
            assert.strictEqual(early, 1);
            done();
          } catch (e) { fail(e); } });
          stream.end(sent);
        });
        const cancel = () => new Promise(done => {
          const stream = session.request({ ':path': '/hang' });
          stream.on('error', () => {});
          stream.on('close', done);
          setImmediate(() => stream.close(http2.constants.NGHTTP2_CANCEL));
        });
        (async () => {
          for (let round = 0; round < 5; round++)
            await Promise.all([...Array(60).keys()].map(i => i % 10 === 9 ? cancel() : one(round * 100 + i, i * 3000)));
          await new Promise((done, fail) => session.ping((e) => e ? fail(e) : done()));
          session.close(() => console.log('all good'));
        })().catch(e => { console.log(String(e.stack)); process.exit(1); });
        """;

    [Fact]
    public async Task Its_client_and_its_server_talk_through_the_proxy()
    {
        var node = Requires.Tool("node");
        await using var server = ChildProcess.Start(node, ["-e", Server]);
        var port = int.Parse((await server.WaitForLineAsync("port"))["port ".Length..], System.Globalization.CultureInfo.InvariantCulture);
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), port);

        var client = await ChildProcess.RunAsync(node, "-e", Client, $"{proxy.Port}");

        client.Output.Trim().Should().Be("all good", client.Error);
        await proxy.MustBeQuietAsync();
        (await proxy.StatAsync("http.http.downstream_cx_http2_total")).Should().Be(1);
    }
}
