using System.Text;
using Envoy.Config.Core.V3;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads what a <c>DataSource</c> stands for, once.</summary>
internal static class DataSourceReader
{
    private const long MaxFileBytes = 16 * 1024 * 1024;

    /// <summary>The bytes; empty for none, and after a problem.</summary>
    public static ReadOnlyMemory<byte> Read(DataSource? source, TranslationProblems problems, ConfigPath path)
    {
        switch (source?.SpecifierCase)
        {
            case DataSource.SpecifierOneofCase.InlineBytes:
                return source.InlineBytes.Memory;
            case DataSource.SpecifierOneofCase.InlineString:
                return Encoding.UTF8.GetBytes(source.InlineString);
            case DataSource.SpecifierOneofCase.Filename:
                return ReadFile(source.Filename, problems, path.Field("filename"));
            case DataSource.SpecifierOneofCase.EnvironmentVariable when Environment.GetEnvironmentVariable(source.EnvironmentVariable) is { } value:
                return Encoding.UTF8.GetBytes(value);
            case DataSource.SpecifierOneofCase.EnvironmentVariable:
                problems.Add(path.Field("environment_variable"), $"the environment variable \"{source.EnvironmentVariable}\" is not set", "set it, or give the data inline");
                return default;
            default:
                return default;
        }
    }

    private static ReadOnlyMemory<byte> ReadFile(string name, TranslationProblems problems, ConfigPath path)
    {
        try
        {
            if (new FileInfo(name).Length <= MaxFileBytes)
            {
                return File.ReadAllBytes(name);
            }

            problems.Add(path, $"\"{name}\" is larger than {MaxFileBytes} bytes", "use a smaller file");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problems.Add(path, $"\"{name}\" cannot be read: {error.Message.TrimEnd('.')}", "name a file that exists and can be read");
        }

        return default;
    }
}
