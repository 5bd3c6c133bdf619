namespace KubeProxyNet.Testing;

/// <summary>A new folder under the system's temporary one, removed with all it holds on <see cref="Dispose"/>.</summary>
public sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kpn-test-").FullName;

    /// <summary>The full path of a file in it, there or not.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file in place, with its folders, and returns its full path.</summary>
    public string Write(string name, string text)
    {
        var file = File(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        System.IO.File.WriteAllText(file, text);
        return file;
    }

    /// <summary>Puts a whole file in place by a rename within the folder, so that no reader sees half of it.</summary>
    public string Replace(string name, string text)
    {
        var whole = Write($"{name}.{Guid.NewGuid():N}.partial", text);
        System.IO.File.Move(whole, File(name), overwrite: true);
        return File(name);
    }

    public void Delete(string name) => System.IO.File.Delete(File(name));

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // A test may have removed it on purpose.
        }
    }
}
