using System.Diagnostics;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Testing;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

public sealed class AccessLogWriterTests : IDisposable
{
    private static readonly AccessLogFormat PathOnly = AccessLogFormat.Parse("%REQ(:PATH)%\n");

    private readonly string _folder = Directory.CreateTempSubdirectory("kpn-access-log-").FullName;
    private readonly StatRegistry _stats = new();
    private readonly LoggedLines _logged = new();
    private readonly AccessLogWriter _writer;

    public AccessLogWriterTests() => _writer = new AccessLogWriter(_stats, _logged, gatherTime: TimeSpan.FromMilliseconds(1));

    private string LogPath => Path.Combine(_folder, "access.log");

    public void Dispose()
    {
        _writer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Lines_of_a_worker_reach_the_file_in_order()
    {
        var channel = _writer.Open(LogPath).CreateChannel(_stats.CreatePage());
        channel.Log(PathOnly, FinishedRequest.Get("/1"));
        channel.Log(PathOnly, FinishedRequest.Get("/2"));
        await _writer.FlushAsync();

        (await File.ReadAllTextAsync(LogPath)).Should().Be("/1\n/2\n");
    }

    [Fact]
    public async Task A_file_that_exists_is_appended_to()
    {
        await File.WriteAllTextAsync(LogPath, "before\n");
        _writer.Open(LogPath).CreateChannel(_stats.CreatePage()).Log(PathOnly, FinishedRequest.Get("/1"));
        await _writer.FlushAsync();

        (await File.ReadAllTextAsync(LogPath)).Should().Be("before\n/1\n");
    }

    [Fact]
    public async Task Several_workers_lose_no_line_and_mix_none()
    {
        var file = _writer.Open(LogPath);
        var workers = Enumerable.Range(0, 3).Select(worker => (worker, file.CreateChannel(_stats.CreatePage()))).Select(pair => Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++)
            {
                pair.Item2.Log(PathOnly, FinishedRequest.Get($"/{pair.worker}/{i}"));
            }
        }));
        await Task.WhenAll(workers);
        await _writer.FlushAsync();

        var lines = await File.ReadAllLinesAsync(LogPath);
        lines.Should().HaveCount(6000);
        for (var worker = 0; worker < 3; worker++)
        {
            lines.Where(line => line.StartsWith($"/{worker}/")).Should().Equal(Enumerable.Range(0, 2000).Select(i => $"/{worker}/{i}"));
        }
    }

    [Fact]
    public async Task What_is_queued_is_written_when_the_writer_ends()
    {
        var writer = new AccessLogWriter(_stats, gatherTime: TimeSpan.FromHours(1));
        var channel = writer.Open(LogPath).CreateChannel(_stats.CreatePage());
        channel.Log(PathOnly, FinishedRequest.Get("/last"));
        writer.Dispose();

        (await File.ReadAllTextAsync(LogPath)).Should().Be("/last\n");
        FluentActions.Invoking(() => channel.Log(PathOnly, FinishedRequest.Get("/too-late"))).Should().NotThrow();
    }

    [Fact]
    public async Task After_a_rotation_lines_go_to_the_new_file()
    {
        var channel = _writer.Open(LogPath).CreateChannel(_stats.CreatePage());
        channel.Log(PathOnly, FinishedRequest.Get("/old"));
        await _writer.FlushAsync();
        File.Move(LogPath, LogPath + ".1");
        _writer.Reopen();
        await _writer.FlushAsync();
        channel.Log(PathOnly, FinishedRequest.Get("/new"));
        await _writer.FlushAsync();

        (await File.ReadAllTextAsync(LogPath + ".1")).Should().Be("/old\n");
        (await File.ReadAllTextAsync(LogPath)).Should().Be("/new\n");
    }

    [Fact]
    public async Task A_reopen_that_fails_keeps_the_old_file_and_is_counted()
    {
        var inner = Directory.CreateDirectory(Path.Combine(_folder, "inner")).FullName;
        var channel = _writer.Open(Path.Combine(inner, "a.log")).CreateChannel(_stats.CreatePage());
        Directory.Move(inner, inner + "2");
        _writer.Reopen();
        await _writer.FlushAsync();
        channel.Log(PathOnly, FinishedRequest.Get("/kept"));
        await _writer.FlushAsync();

        (await File.ReadAllTextAsync(Path.Combine(inner + "2", "a.log"))).Should().Be("/kept\n");
        _stats.Collect().Value("filesystem.reopen_failed").Should().Be(1);
    }

    [Fact]
    public async Task A_reader_that_stalls_costs_lines_that_are_counted_and_never_a_workers_time()
    {
        var pipe = Path.Combine(_folder, "pipe");
        using (var mkfifo = Process.Start("mkfifo", pipe))
        {
            await mkfifo.WaitForExitAsync();
        }

        await using var reader = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite);
        using var writer = new AccessLogWriter(_stats, queueSize: 2 * AccessLogFormat.MaxLineLength);
        var channel = writer.Open(pipe).CreateChannel(_stats.CreatePage());
        var request = FinishedRequest.Get("/" + new string('x', 998));
        const int lines = 1000;
        for (var i = 0; i < lines; i++)
        {
            channel.Log(PathOnly, request);
        }

        var dropped = _stats.Collect().Value("access_log.dropped");
        dropped.Should().BeInRange(lines - 400, lines - 100);
        var buffer = new byte[(lines - dropped) * 1000];
        await reader.ReadExactlyAsync(buffer);
        buffer.Count(value => value == '\n').Should().Be((int)(lines - dropped));
    }

    [Fact]
    public async Task A_write_error_is_counted_and_reported_once()
    {
        var channel = _writer.Open("/dev/full").CreateChannel(_stats.CreatePage());
        for (var i = 0; i < 3; i++)
        {
            channel.Log(PathOnly, FinishedRequest.Get("/lost"));
            await _writer.FlushAsync();
        }

        _stats.Collect().Value("filesystem.write_failed").Should().Be(3);
        _logged.Lines.Should().ContainSingle().Which.Should().Contain("/dev/full").And.Contain("No space left");
    }

    [Fact]
    public void A_file_that_cannot_be_opened_is_refused_with_reason_and_remedy() =>
        FluentActions.Invoking(() => _writer.Open(Path.Combine(_folder, "missing", "a.log")))
            .Should().Throw<IOException>().WithMessage("*missing/a.log*No such file or directory*check that its folder exists*");

    [Fact]
    public void The_same_path_is_the_same_file() => _writer.Open(LogPath).Should().BeSameAs(_writer.Open(LogPath));

    [Fact]
    public void A_worker_that_asks_again_gets_the_channel_that_it_has()
    {
        var file = _writer.Open(LogPath);
        var page = _stats.CreatePage();

        file.CreateChannel(page).Should().BeSameAs(file.CreateChannel(page));
        file.CreateChannel(_stats.CreatePage()).Should().NotBeSameAs(file.CreateChannel(page));
    }

    [Fact]
    public async Task Logging_allocates_nothing_in_steady_state()
    {
        var channel = _writer.Open("/dev/null").CreateChannel(_stats.CreatePage());
        var request = FinishedRequest.Get("/");
        var format = AccessLogFormat.Parse("%START_TIME% %RESPONSE_CODE%\n");
        channel.Log(format, request);
        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                channel.Log(format, request);
            }
        }).Should().Be(0);
        await _writer.FlushAsync();
    }

    private sealed class LoggedLines : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
