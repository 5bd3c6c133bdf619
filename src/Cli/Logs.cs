using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Cli;

/// <summary>The program's own log: one line an event on standard error, so that standard output stays free for access logs.</summary>
internal static class Logs
{
    public static ILoggerFactory Create(TimeProvider time) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(LogLevel.Information);
        builder.AddFilter("Microsoft", LogLevel.Warning);
        builder.AddFilter("Grpc", LogLevel.Error);
        builder.AddProvider(new Provider(time));
    });

    private sealed class Provider(TimeProvider time) : ILoggerProvider
    {
        private readonly Lock _gate = new();

        public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName, time);

        public void Dispose()
        {
            // Standard error is not ours to close.
        }

        private void Write(string line)
        {
            lock (_gate)
            {
                Console.Error.WriteLine(line);
            }
        }

        private sealed class Logger(Provider provider, string category, TimeProvider time) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                var level = logLevel switch
                {
                    LogLevel.Critical or LogLevel.Error => "error",
                    LogLevel.Warning => "warning",
                    LogLevel.Information => "info",
                    _ => "debug",
                };
                var stamp = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
                provider.Write($"{stamp} {level} {category}: {formatter(state, exception)}{(exception is null ? "" : Environment.NewLine + exception)}");
            }
        }
    }
}
