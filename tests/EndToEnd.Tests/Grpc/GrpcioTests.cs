using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Grpc;

/// <summary>Debian's python3-grpcio, whose HTTP/2 is written in C, on either side of the proxy.</summary>
public sealed class GrpcioTests
{
    private const string Python = "/usr/bin/python3";

    private const string Client = """
        import sys, grpc
        same = lambda x: x
        big = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1)]
        channel = grpc.insecure_channel('127.0.0.1:' + sys.argv[1], options=big)
        def kind(name, method): return getattr(channel, name)('/test.Echo/' + method, same, same)
        answer, call = kind('unary_unary', 'Unary').with_call(b'abc', metadata=[('x-own-bin', b'\x00\xff')], timeout=20)
        trailers = dict(call.trailing_metadata())
        assert answer == b'abc' and trailers['x-trailer'] == 'behind' and trailers['x-trailer-bin'] == b'\xff\x00\x80', trailers
        assert [m[0] for m in kind('unary_stream', 'Down')(bytes([30]), timeout=20)] == list(range(30))
        assert kind('stream_unary', 'Up')(iter([bytes([i]) for i in range(30)]), timeout=20) == bytes(range(30))
        assert [m for m in kind('stream_stream', 'Chat')(iter([b'a', b'b', b'c']), timeout=20)] == [b'a', b'b', b'c']
        large = bytes(16 << 20)
        assert kind('unary_unary', 'Unary')(large, timeout=20) == large
        try:
            kind('unary_unary', 'Hang')(b'', timeout=0.2)
            raise SystemExit('no deadline')
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, e
        try:
            kind('unary_unary', 'Unary')(b'', metadata=[('x-status', 'NotFound')], timeout=20)
            raise SystemExit('no status')
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.NOT_FOUND and e.details() == 'as asked: 100 % \u00fc', e
        futures = [kind('unary_unary', 'Unary').future(bytes([i % 256]), timeout=20) for i in range(300)]
        assert [f.result() for f in futures] == [bytes([i % 256]) for i in range(300)]
        print('all good')
        """;

    private const string Server = """
        import sys, grpc, threading
        from concurrent import futures
        same = lambda x: x
        def unary(request, context):
            metadata = dict(context.invocation_metadata())
            context.set_trailing_metadata([('x-trailer', 'behind'), ('x-trailer-bin', b'\xff\x00\x80')])
            if 'x-status' in metadata: context.abort(grpc.StatusCode.NOT_FOUND, 'as asked: 100 % \u00fc')
            return request
        def down(request, context):
            for i in range(request[0]): yield bytes([i])
        def up(requests, context): return b''.join(requests)
        def chat(requests, context):
            for request in requests: yield request
        def hang(request, context):
            done = threading.Event()
            context.add_callback(lambda: (print('cancelled', flush=True), done.set()))
            done.wait()
            return request
        handler = grpc.method_handlers_generic_handler('test.Echo', {
            'Unary': grpc.unary_unary_rpc_method_handler(unary, same, same), 'Hang': grpc.unary_unary_rpc_method_handler(hang, same, same),
            'Down': grpc.unary_stream_rpc_method_handler(down, same, same), 'Up': grpc.stream_unary_rpc_method_handler(up, same, same),
            'Chat': grpc.stream_stream_rpc_method_handler(chat, same, same)})
        big = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1)]
        server = grpc.server(futures.ThreadPoolExecutor(8), options=big)
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port('127.0.0.1:0')
        server.start()
        print('port', port, flush=True)
        server.wait_for_termination()
        """;

    [Fact]
    public async Task Its_client_calls_a_server_of_another_kind()
    {
        await RequireAsync();
        await using var backend = await GrpcBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), backend.Port);

        await MustCallAsync(proxy.Port);
        await backend.Cancelled.WaitAsync(TestContext.Current.CancellationToken);
        await proxy.MustBeQuietAsync();
    }

    [Fact]
    public async Task Its_client_calls_its_server()
    {
        await RequireAsync();
        await using var server = ChildProcess.Start(Python, ["-c", Server]);
        var port = int.Parse((await server.WaitForLineAsync("port"))["port ".Length..], System.Globalization.CultureInfo.InvariantCulture);
        await using var proxy = await Http2Proxy.StartAsync(new Http2ProxyOptions(), port);

        await MustCallAsync(proxy.Port);
        await server.WaitForLineAsync("cancelled");
        await proxy.MustBeQuietAsync();
    }

    private static async Task MustCallAsync(int port)
    {
        var client = await ChildProcess.RunAsync(Python, "-c", Client, $"{port}");
        client.Output.Trim().Should().Be("all good", client.Error);
    }

    private static async Task RequireAsync() => Requires.That(
        File.Exists(Python) && (await ChildProcess.RunAsync(Python, "-c", "import grpc")).ExitCode == 0, "python3-grpcio is not installed");
}
